"""Of what a function, a job or a query says, no secret leaves a run, and no word that may be a classified cell."""

import pytest

from acceptance.foreign_words import HIDDEN, MOST_CHARACTERS, ForeignWords, Redaction, without_secrets

LOG = "the log group /aws/lambda/load, request 1"


@pytest.mark.parametrize(
    "text",
    [
        "connecting with postgres://app:{}@db/prod",
        "jdbc:postgresql://app:{}/x@db:5432/prod",
        "login failed for user app with password {}",
        "password={}",
        "PASSWORD: '{}'",
        'event {{"password": "{}", "key": "a.csv"}}',
        "event {{'token': '{}', 'key': 'a.csv'}}",
        '"{{\\"db_password\\": \\"{}\\"}}"',
        "DB_PASSWORD={} HOST=x",
        "senha: {}",
        "https://x.s3.amazonaws.com/y?X-Amz-Date=20260101&X-Amz-Signature={}",
        "https://x.s3.amazonaws.com/y?X-Amz-Security-Token={}&X-Amz-Date=20260101",
        "https://acct.blob.core.windows.net/c/b?sv=2022&sig={}",
        "https://host/path?access_token={}",
        "GET /hook?token={} HTTP/1.1",
        "Authorization: Bearer {}",
        "authorization header was Basic {}",
        "aws_secret_access_key = {}",
        "AccountKey={};EndpointSuffix=core.windows.net",
        "api_key: {}",
        "x-api-key: {}",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE{}\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n{}",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n{}\n-----END PGP PRIVATE KEY BLOCK-----",
        'event {{\\"password\\": \\"{}\\"}}',
        'event {{\\"password\\": \\"a\\\\\\"{}\\"}}',
        'answer {{\\\\\\"token\\\\\\": \\\\\\"{}\\\\\\"}}',
        'cut off: "refresh_token":"{}',
        '"secrets": ["a", "{}"]',
        '"secret": {{"value": "{}"}}',
        "dbPassword={}",
        "PGPASSWORD={} psql",
        "Password for user app: {}",
        "password%3D{}",
        "<password>{}</password>",
        "ALTER USER app IDENTIFIED BY '{}'",
        "jdbc:oracle:thin:scott/{}@//db:1521/x",
        "https://{}@github.com/x",
        "curl -u app:{} https://host",
        "Authorization: Token {}",
        "Cookie: a=1; session={}",
        "AWS4-HMAC-SHA256 SignedHeaders=host, Signature={}",
        "api key: {}",
        "https://hooks.slack.com/services/T00/B00/{}",
    ],
)
def test_a_secret_is_hidden_and_the_words_around_it_stay(text: str) -> None:
    said = "could not connect: " + text.format("Pl4ntedS3cret") + " (after 3 attempts)"
    shown = without_secrets(said)
    assert "Pl4ntedS3cret" not in shown
    assert HIDDEN in shown
    assert shown.startswith("could not connect: ")


@pytest.mark.parametrize(
    "secret",
    ["AKIA" + "Q3EGRZXH7NEXAMPL", "ASIA" + "Q3EGRZXH7NEXAMPL", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
     "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0.abc", "ghp_" + "a1" * 18, "xoxb-" + "1234567890-abc",
     "hvs." + "CAESI" * 6, "SG." + "a1B2" * 5 + "." + "a1B2" * 10],
)  # fmt: skip
def test_keys_that_tell_themselves_by_their_form_are_hidden(secret: str) -> None:
    assert without_secrets(f"using {secret} for x") == f"using {HIDDEN} for x"


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'source_bucket' (request 1b2c3d4e-0000-4000-8000-000000000000)",
        "s3://landing/business/imdb/20260101/movies/movies.csv is not there",
        "HIVE_PARTITION_SCHEMA_MISMATCH: column 'a' is declared as type 'int'",
        "arn:aws:iam::123456789012:role/pipeline may not read arn:aws:s3:::landing",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709 is the commit, at https://github.com/x/y/tree/main?tab=readme",
        "the job bypassed: 3 rows, compass: north, unauthorized: no such role, column 'signature' is missing",
        "s3://landing/a@b/x.csv and mail to someone@example.com",
        "An error occurred: line 12:30, 3 of 4 rows, 2026-01-01T12:00:00Z",
    ],
)
def test_other_words_stay_as_they_are(text: str) -> None:
    assert without_secrets(text) == text


def test_words_without_a_secret_are_shown_whole() -> None:
    assert Redaction().shown(ForeignWords("KeyError: 'a'\n  line 3\n", LOG)) == "KeyError: 'a'\n  line 3"
    assert Redaction().shown(ForeignWords(" \n", LOG)) == ""


def test_it_is_said_that_a_secret_was_withheld_and_where_the_whole_words_are() -> None:
    shown = Redaction().shown(ForeignWords("password=x", LOG))
    assert shown == f"password={HIDDEN} (what looks like a secret is withheld; the whole text is in {LOG})"


def test_long_words_are_cut_and_nothing_in_them_is_invisible() -> None:
    shown = Redaction().shown(ForeignWords("\x1b[2J" + "word " * 10_000, LOG))
    assert shown.startswith("␛[2Jword")
    assert shown.endswith(f"(the rest is left out; the whole text is in {LOG})")
    assert len(shown) < MOST_CHARACTERS + 200


def test_of_a_dataset_with_classified_columns_no_word_is_shown() -> None:
    shown = Redaction(("email", "salary")).shown(ForeignWords("row 1,ana@x,77002 is bad", LOG))
    assert shown == (
        "(24 characters are withheld: they may hold cells of the columns email, salary, which the contract classifies; "
        f"the whole text is in {LOG})"
    )


def test_hiding_takes_time_that_grows_with_the_text_only() -> None:
    for piece in ("password ", "a://", "://:@", "eyJ", "'\\", "-----BEGIN PRIVATE KEY-----", "token=", "aB3/"):
        without_secrets(piece * 2_000)
