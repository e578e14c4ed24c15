"""Notifications are in the language of people. What programs read of an event is the same in every language."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from builders import a_contract, a_delivery

from acceptance.announcing.overdue import Arrival, Missing
from acceptance.announcing.overdue_events import Late, no_verdict, not_arrived, paused
from acceptance.announcing.verdict_events import judged
from acceptance.contract.checks import Check, Metric, Operator, Threshold
from acceptance.judging.judge import Measurement, judge, judge_check
from acceptance.messages.message import Message

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DELIVERY = a_delivery("in/a.csv")


def test_a_verdict_is_notified_in_portuguese_and_its_event_stays_the_same():
    some = Check("rows", Metric.ROW_COUNT, Threshold(Operator.MUST_BE_GREATER_THAN, (2500,)))
    judgement = judge([judge_check(some, Measurement(2))])
    english, told = (judged(DELIVERY, judgement, "s3://evidence/d/", None, language=each) for each in ("en", "pt-BR"))
    assert told.payload["message"]["subject"] == f"{DELIVERY.title}: rejeitada"
    assert told.payload["message"]["body"].splitlines() == [
        f"- Dataset: {DELIVERY.dataset}",
        f"- Data: {DELIVERY.business_date:%d/%m/%Y}",
        "- Arquivo: a.csv",
        "- Veredito: rejeitada",
        "- Verificação: rows",
        "- Esperado: › 2.500 linhas",
        "- Encontrado: 2 linhas",
        "- Evidência: s3://evidence/d/",
    ]
    same = {name: value for name, value in told.payload.items() if name != "message"}
    assert same == {name: value for name, value in english.payload.items() if name != "message"}
    assert (same["reason"], told.name) == ("rows: expected > 2500 rows, observed 2 rows", "delivery.rejected")
    assert english.payload["message"]["subject"] == f"{DELIVERY.title}: rejected"


def test_missing_and_late_deliveries_and_pauses_are_told_in_portuguese():
    contract = replace(a_contract(), update_every=timedelta(days=1))
    last = Arrival(NOON, date(2026, 1, 30), "s3://landing/in/a.csv")
    missing = Missing(3, NOON, NOON + timedelta(days=2), date(2026, 2, 2), last)
    told = not_arrived(contract, missing, "pt-BR").payload["message"]
    assert told["subject"] == "orders 2026-02-02: atrasada"
    assert told["body"].splitlines() == [
        "- Dataset: orders",
        "- Data esperada: 02/02/2026",
        "- Prazo: 02/02/2026 12:00:00 UTC, a cada 1 dia, 0:00:00",
        "- Faltaram: 3 entregas desde 31/01/2026 12:00:00 UTC",
        "- Última: 30/01/2026, chegou em 31/01/2026 12:00:00 UTC, s3://landing/in/a.csv",
    ]
    late = Late("1", "orders 2026-01-31", date(2026, 1, 31), "s3://x/a", NOON, NOON, Message("not announced yet"))
    told = no_verdict("orders", [late, late], "pt-BR").payload["message"]
    assert told["subject"] == "orders 2026-01-31: sem veredito no prazo e mais 1"
    assert "- Até agora: ainda não anunciada" in told["body"].splitlines()
    told = paused("orders", NOON, 1234, [], "http://127.0.0.1/automations", "pt-BR").payload["message"]
    assert told["subject"] == "orders: a validação está pausada"
    assert "- Entregas em espera: 1.234" in told["body"].splitlines()
    assert "- Automação: http://127.0.0.1/automations" in told["body"].splitlines()
