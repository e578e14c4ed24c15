"""Names, values and patterns of a contract are never SQL, and values are told from those that look alike."""

from pathlib import Path

from builders import contract_text
from contract_texts import watched
from measured_table import MeasuredTable

from acceptance.judging.judge import Outcome, Verdict
from sandbox.server import LocalAws

TEXT = "x'); DROP TABLE shop.sales; --"
CONTRACT = contract_text(
    "hostile",
    f"""
      - name: select
        logicalType: string
        enum: [{{value: "{TEXT}"}}, {{value: ok}}]
        quality:
          - {{name: "a\\"b'c; --", metric: nullValues, mustBe: 0}}
          - {{id: not_hostile, metric: missingValues, arguments: {{missingValues: ["{TEXT}"]}}, mustBe: 0, severity: info}}
      - {{name: order, logicalType: string, logicalTypeOptions: {{pattern: "^[^'\\"]*$"}}}}
    """,  # noqa: E501 - one property a line reads best
    day="dt",
)


def test_texts_of_a_contract_are_never_sql(tmp_path: Path) -> None:
    contract = watched(CONTRACT)
    quoted = TEXT.replace("'", "''")
    with LocalAws() as aws:
        table = MeasuredTable(aws, contract, tmp_path)
        held = table.judge([f"'{quoted}', 'a'", "'ok', 'b'"])
        assert held.judgement.verdict is Verdict.ACCEPTED, held.judgement.reason
        assert (held["not_hostile"].outcome, held["not_hostile"].observed) == (Outcome.WARNED, "1 row")
        broken = table.judge(["NULL, 'a'", "'x', 'b''c'"])
        failed = {result.check.id for result in broken.judgement.results if result.outcome is Outcome.FAILED}
        assert failed == {"a\"b'c; --", "select_values", "order_pattern"}
        assert {row[0] for row in broken.shown} == failed | {"not_hostile"}


ALIKE = contract_text(
    "alike",
    """
      - {name: city, logicalType: string, enum: [{value: "S\u00e3o Paulo"}, {value: ATIVO}, {value: Rio}]}
      - {name: code, logicalType: string, logicalTypeOptions: {pattern: "^[A-Z]-[0-9]$", maxLength: 3}}
      - {name: cpf, logicalType: string, classification: restricted, enum: [{value: "Jos\u00e9"}]}
    """,
    day="dt",
)


def test_a_value_that_looks_as_if_it_held_is_told_apart_from_what_is_allowed(tmp_path: Path) -> None:
    with LocalAws() as aws:
        table = MeasuredTable(aws, watched(ALIKE), tmp_path)
        rows = ["'Sa\u0303o Paulo', 'A\u20111', 'Jose\u0301'", "'Rio', 'A-1 ', 'Jos\u00e9'"]
        judged = table.judge(rows)
        assert judged["city_values"].observed == (
            "1 row ('Sa\u0303o Paulo', it looks like the allowed 'S\u00e3o Paulo', but character 2 is U+0061 LATIN "
            "SMALL LETTER A with U+0303 COMBINING TILDE here, U+00E3 LATIN SMALL LETTER A WITH TILDE in the allowed; "
            "normal form NFD here, NFC in the allowed)"
        )
        assert judged["code_pattern"].observed.startswith("2 rows ('A")
        assert judged["code_length"].observed == "1 row ('A-1 ', character 4 is U+0020 SPACE)"
        assert judged["cpf_values"].observed == "1 row"
        assert judged["city_values"].observed in judged.judgement.reason
        assert table.judge(["'ativo', 'B', 'Jos\u00e9'"])["city_values"].observed == (
            "1 row ('ativo', it looks like the allowed 'ATIVO', but is not written so)"
        )
        plain = table.judge(["'Recife', 'B', 'Jos\u00e9'"])
        assert [plain[check].observed for check in ("city_values", "code_pattern")] == ["1 row", "1 row"]
