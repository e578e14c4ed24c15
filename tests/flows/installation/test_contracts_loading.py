"""The contract files of a directory, read together."""

import hashlib
from pathlib import Path

import pytest
from builders import contract_text
from repository import CONTRACTS

from acceptance.errors import ContractError, Problem
from blocks.settings import read_settings
from flows.installation.contracts import check_contracts, contract_environment, contract_variables, load_contracts

MOVIES = (CONTRACTS / "movies.odcs.yaml").read_text(encoding="utf-8")
UNWATCHED = "apiVersion: v3.2.0\nkind: DataContract\nid: other\nversion: 1.0.0\n"


def write(directory: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (directory / f"{name}.odcs.yaml").write_text(text, encoding="utf-8", newline="")
    return directory


def the_problems(directory: Path) -> tuple[Problem, ...]:
    with pytest.raises(ContractError) as raised:
        load_contracts(directory, {})
    return raised.value.problems


def test_the_shipped_contracts_are_loaded_in_order_of_path() -> None:
    assert [contract.dataset for contract in load_contracts(CONTRACTS, {})] == ["nyc-flights", "sor-imdb-movies"]


def test_the_environment_gives_variables_their_values() -> None:
    contracts = load_contracts(CONTRACTS, {"LANDING_BUCKET": "zone"})
    assert {contract.template.bucket for contract in contracts} == {"zone"}


def test_variables_come_from_the_environment_and_below_it_from_a_dotenv_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    dotenv = "ATHENA_DATABASE=of_the_file\nATHENA_WORKGROUP=of_the_file\nHOME_OF_SECRETS=1\nLANDING_BUCKET=no\n"
    (tmp_path / ".env").write_text(dotenv, encoding="utf-8")
    monkeypatch.setenv("ATHENA_WORKGROUP", "of-the-environment")
    told = contract_variables("zone")
    assert (told["ATHENA_DATABASE"], told["ATHENA_WORKGROUP"]) == ("of_the_file", "of-the-environment")
    assert told["LANDING_BUCKET"] == "zone"
    assert "HOME_OF_SECRETS" not in told


def test_only_the_variables_that_contracts_read_are_told_to_others(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ATHENA_WORKGROUP=reports\nCONTRACT_OF_NOBODY=secret\n", encoding="utf-8")
    folder = tmp_path / "contracts"
    folder.mkdir()
    write(folder, movies=MOVIES)
    assert contract_environment(read_settings(contracts=folder)) == {"ATHENA_WORKGROUP": "reports"}


def test_contracts_may_lie_in_folders_and_end_in_yml(tmp_path: Path) -> None:
    (tmp_path / "imdb").mkdir()
    (tmp_path / "imdb" / "movies.yml").write_text(MOVIES, encoding="utf-8")
    (tmp_path / "notes.md").write_text("no contract", encoding="utf-8")
    (contract,) = load_contracts(tmp_path, {})
    assert contract.path == str(tmp_path / "imdb" / "movies.yml")


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    text = "\ufeff" + MOVIES.replace("\n", "\r\n")
    (contract,) = load_contracts(write(tmp_path, movies=text), {})
    assert contract.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, a=MOVIES.replace("format: csv", "format: xml"), b="a: [", c=MOVIES)
    found = the_problems(tmp_path)
    assert [Path(problem.path).name for problem in found] == ["a.odcs.yaml", "b.odcs.yaml"]


def test_a_file_that_is_not_utf_8_is_a_problem_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "movies.yaml").write_bytes(MOVIES.replace("IMDb movies", "Títulos").encode("latin-1"))
    (problem,) = the_problems(tmp_path)
    line = 1 + MOVIES[: MOVIES.index("IMDb movies")].count("\n")
    assert (problem.line, problem.message) == (line, "the byte 0xED is not UTF-8; save the file as UTF-8")


def test_two_contracts_cannot_have_one_id(tmp_path: Path) -> None:
    write(tmp_path, a=MOVIES, b=MOVIES.replace("business/imdb", "business/other"))
    (problem,) = the_problems(tmp_path)
    assert Path(problem.path).name == "b.odcs.yaml"
    assert f"the id 'sor-imdb-movies' is also that of {tmp_path / 'a.odcs.yaml'}" in problem.message


def test_two_contracts_cannot_claim_one_key(tmp_path: Path) -> None:
    other = MOVIES.replace("id: sor-imdb-movies", "id: other").replace("/movies/{file}.csv", "/{table}/top_{file}.csv")
    write(tmp_path, a=MOVIES, b=other)
    (problem,) = the_problems(tmp_path)
    assert str(tmp_path / "a.odcs.yaml") in problem.message
    assert "the key 'business/imdb/11111111/movies/top_x.csv' would belong to both" in problem.message


def of_people(dataset: str, email: str) -> str:
    text = contract_text(dataset, f"- {{name: email, logicalType: string{email}}}")
    return text.replace(f"- name: {dataset}", "- name: people")


def test_two_contracts_of_one_table_classify_its_columns_alike(tmp_path: Path) -> None:
    """The contract that does not would show the cells that the other hides."""
    secret = ", classification: confidential"
    write(tmp_path, a=of_people("hr", secret), b=of_people("intruder", ""))
    (problem,) = the_problems(tmp_path)
    line = of_people("hr", secret).splitlines().index("      - {name: email, logicalType: string" + secret + "}") + 1
    assert (Path(problem.path).name, problem.line) == ("b.odcs.yaml", line)
    assert f"is not classified, but {tmp_path / 'a.odcs.yaml'}:{line} does classify it" in problem.message
    write(tmp_path, b=of_people("intruder", secret))
    assert [contract.classified for contract in load_contracts(tmp_path, {})] == [("email",), ("email",)]


def test_a_directory_without_contracts_says_so(tmp_path: Path) -> None:
    (problem,) = the_problems(tmp_path)
    assert str(problem).startswith(f"{tmp_path}: the directory holds no contract")


def test_a_directory_that_is_not_there_says_so(tmp_path: Path) -> None:
    (problem,) = the_problems(tmp_path / "contracts")
    assert "there is no such file or directory" in problem.message


def test_a_directory_without_anything_to_watch_says_so(tmp_path: Path) -> None:
    (problem,) = the_problems(write(tmp_path, other=UNWATCHED))
    assert "none of its contracts is watched (other.odcs.yaml)" in problem.message


def test_what_is_not_watched_passes_beside_what_is(tmp_path: Path) -> None:
    write(tmp_path, movies=MOVIES, other=UNWATCHED)
    movies, other = check_contracts([tmp_path], {})
    assert movies.contract is not None
    assert (other.contract, other.problems) == (None, ())
    assert len(load_contracts(tmp_path, {})) == 1


def test_files_and_directories_are_checked_once_each(tmp_path: Path) -> None:
    write(tmp_path, movies=MOVIES, broken="a: [")
    files = check_contracts([tmp_path / "movies.odcs.yaml", tmp_path], {})
    assert [(file.path.name, bool(file.problems)) for file in files] == [
        ("broken.odcs.yaml", True),
        ("movies.odcs.yaml", False),
    ]


def test_a_table_that_is_too_wide_for_a_query_over_what_landed_is_refused(tmp_path: Path) -> None:
    columns = "\n".join(f"- {{name: column_{n:03}_{'x' * 40}, logicalType: timestamp}}" for n in range(240))
    by_athena = "format: csv, customProperties: [{property: engine, value: athena}, {property: landedTable, value: a.b}"
    landing = f'{by_athena}, {{property: quotedEmpty, value: "null"}}]'
    write(tmp_path, wide=contract_text("wide", columns, landing=landing))
    [problem] = the_problems(tmp_path)
    assert "would read the 240 landed columns by a query of " in problem.message
    assert problem.message.endswith("takes 262,144 at most; use `engine: local`, or fewer or shorter columns")
