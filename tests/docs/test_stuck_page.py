"""The page on stuck deliveries follows what `aceite doctor` prints, line by line."""

import re
from pathlib import Path

from repository import ROOT

from blocks.settings import Settings
from cli.doctor.clients import DoctorClients
from cli.doctor.plan import of_installation

PAGE = ROOT / "docs" / "operating" / "when-a-delivery-is-stuck.md"
WITHOUT_EFFECT = {"password of Prefect's server", "notification block"}
"""Lines about Prefect's server that keep no delivery back."""


def test_the_page_has_each_line_of_doctor_about_the_work_on_deliveries_in_its_order(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    lines = list(of_installation(settings, (), DoctorClients(settings)))
    work = [each.name for each in lines if each.asked in ("Prefect's server", "the ledger's database")]
    work.insert(1, "disk")
    wanted = [name for name in (*work, lines[-1].name) if name not in WITHOUT_EFFECT]
    table = PAGE.read_text(encoding="utf-8").partition("| line |")[2].partition("\n\n")[0]
    told = [name for row in table.splitlines()[2:] for name in re.findall("`([^`]+)`", row.split("|")[1])]
    assert told == wanted
