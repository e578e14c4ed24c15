"""The evidence page is in the language that the evidence names, as a whole; in English it is as it was."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from evidence_builder import HOSTILE, accepted, hostile, inconclusive, rejected

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.evidence.reports.formatting import bytes_text, count_text, duration_text, local_text, moment_text

NOON = datetime(2026, 1, 31, 12, 5, 9, tzinfo=UTC)


def page(evidence: Evidence, language: str) -> str:
    told = Evidence.model_validate_json(evidence.model_copy(update={"language": language}).to_json())
    return evidence_html(told, links={"Evidence": "evidence.json", "JUnit": "junit.xml"})


def words(html: str) -> set[str]:
    """The texts that a person sees or hears, each whole."""
    body = re.sub(r"<style>.*?</style>|<script.*?</script>", "", html, flags=re.DOTALL)
    texts = re.findall(r">([^<>]+)<", body) + re.findall(r'(?:title|aria-label|data-label)="([^"]+)"', body)
    return {text.strip() for text in texts if text.strip()}


def test_a_rejected_delivery_is_told_in_portuguese():
    html = page(rejected(), "pt-BR")
    assert '<html lang="pt-BR">' in html
    assert "<title>Rejeitada: Flights from New York 01/01/2013" in html
    seen = words(html)
    assert {"Rejeitada", "A entrega não cumpre o que o contrato promete.", "O que fazer agora"} <= seen
    assert {"Verificações", "Esperado", "Encontrado", "Passos", "Consultas", "Proveniência"} <= seen
    assert {"Outcome", "Checks", "Steps", "Expected", "Observed", "Judged", "What to do next"}.isdisjoint(seen)
    assert "3 de 8 passaram" in seen
    assert "88,2 kB, chegou em 23/11/2026 08:12:01 UTC" in seen


@pytest.mark.parametrize("make", [accepted, rejected, inconclusive])
def test_what_is_the_same_in_both_languages_is_what_the_evidence_says_and_names(make):
    evidence = make()
    same = words(page(evidence, "en")) & words(page(evidence, "pt-BR"))
    names = {
        "Aceite",
        "Dataset",
        "Fingerprint",
        "Flow run",
        "Prefect",
        "SHA-256",
        "ETag",
        "Snapshot",
        "JUnit",
        "junit.xml",
    }
    said = evidence.to_json().decode().casefold()
    unsaid = {text for text in same - names if re.search("[a-z]{3}", text) and not _is_said(text, said)}
    assert unsaid == set()


def _is_said(text: str, said: str) -> bool:
    """Every word of the text is one of the evidence, or of the commands that the page names."""
    parts = re.findall(r"[a-z]{3,}", text.casefold().replace("&#39;", " ").replace("&#34;", " ").replace("&lt;", " "))
    commands = {"aceite", "validate", "again", "doctor", "evidence", "verify", "json"}
    return all(part in commands or part in said for part in parts)


def test_english_is_the_language_of_evidence_that_names_none():
    assert page(rejected(), "en") == evidence_html(
        rejected(), links={"Evidence": "evidence.json", "JUnit": "junit.xml"}
    )
    assert '<html lang="en">' in page(rejected(), "en")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_in_portuguese_as_in_english(text: str):
    html = page(hostile(text), "pt-BR")
    scripts = re.findall(r"<script", html)
    assert len(scripts) == html.count('<script type="application/json" id="evidence">')
    assert "<img" not in html


def test_numbers_and_moments_are_written_as_in_brazil():
    assert count_text(1234567, "pt-BR") == "1.234.567"
    assert bytes_text(21_240_000, "pt-BR") == "21,2 MB"
    assert duration_text(timedelta(seconds=26.4), "pt-BR") == "26,4 s"
    assert moment_text(NOON, "pt-BR") == "31/01/2026 12:05:09 UTC"
    assert local_text(NOON, "UTC-03:00", "pt-BR") == "31/01/2026 09:05:09 UTC-03:00"
