"""The ledger of an installation, for verbs that only read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.options import UsageProblem
from cli.serving.home import MARKS
from cli.terminal import Terminal

if TYPE_CHECKING:
    from blocks.settings import Settings


NO_LEDGER = "sqlite://"
"""The URL of an empty ledger in memory."""


def existing_ledger_url(settings: Settings) -> str:
    """Return the ledger's URL, or that of an empty one in memory if none exists: a reader creates none.

    Raises:
        UsageProblem: somebody named a home, and nothing was ever installed there.
    """
    from flows.ledger import ledger_url

    home = settings.home.expanduser()
    no_folder = home.exists() and not home.is_dir()
    if settings.ledger_url is not None or no_folder or (home / "ledger.db").exists():
        return ledger_url(settings)
    if "home" in settings.model_fields_set and not any((home / name).exists() for name in MARKS):
        state = "holds no installation" if home.is_dir() else "does not exist"
        raise UsageProblem(
            f"the home {home} {state}: correct --home or ACEITE_HOME; `aceite up` makes an installation there"
        )
    state = f"the folder {home} has no ledger yet" if home.is_dir() else f"the folder {home} does not exist yet"
    hint = f"{state}: `aceite up` creates it; or give the home of a running `aceite up` with --home"
    Terminal(stderr=True).print(hint, style="yellow", soft_wrap=True)
    return NO_LEDGER
