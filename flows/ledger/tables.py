"""The tables of the ledger, and their layout's version. Every time is in UTC."""

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from acceptance.announcing.delivery_events import EventDraft
from acceptance.errors import LedgerUnusable
from flows.ledger.database import shown

VERSION = 7
"""Raised by one with every change of the layout. Nothing is upgraded: a ledger is rebuilt from S3."""

_INDEX_ON_POSTGRESQL = "CREATE INDEX deliveries_of_the_same_keys ON deliveries USING hash (member_keys)"
"""The keys of a large delivery are more text than an index of PostgreSQL takes, unless it is one of hashes.

Said of the table's own index, it would have every watcher load PostgreSQL's dialect: 2 MB.
"""
_PARTIAL_INDEXES = (
    "CREATE INDEX unconfirmed_announcements ON announcements (confirmed_at) WHERE confirmed_at IS NULL",
    "CREATE INDEX announcements_told_by_others ON announcements (batch_id) WHERE batch_id IS NOT NULL",
)
"""For the few rows that are asked for each second. With a whole index, a database may read all announcements ever."""

_ONE_AT_A_TIME = 0x0ACE17E
"""PostgreSQL's advisory lock for whoever opens a ledger: a table that two create at the same time is an error there."""

metadata = sa.MetaData()


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A time in UTC. SQLite stores no time zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


class Text(sa.TypeDecorator[str]):
    """Any text. PostgreSQL rejects NUL, which a key may hold, so other characters stand for it, in the same order."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value.translate(_WITHOUT_NUL) if value and dialect.name == "postgresql" else value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        if not value or "\x01" not in value or dialect.name != "postgresql":
            return value
        return _STANDS_FOR_ANOTHER.sub(lambda pair: "\x00" if pair[0] == "\x01\x01" else "\x01", value)


_WITHOUT_NUL = str.maketrans({"\x00": "\x01\x01", "\x01": "\x01\x02"})
_STANDS_FOR_ANOTHER = re.compile("\x01[\x01\x02]")
KEY = Text().with_variant(Text(collation="C"), "postgresql")
"""A key, compared by its bytes, as S3 orders keys. SQLite does so by default."""

ledger_version = sa.Table("ledger_version", metadata, sa.Column("version", sa.Integer, primary_key=True))
ranges = sa.Table(
    "ranges",
    metadata,
    sa.Column("bucket", sa.String, primary_key=True),
    sa.Column("prefix", KEY, primary_key=True),
    sa.Column("until", KEY, primary_key=True),  # "" for the last range, which has no end
    sa.Column("held", sa.Integer, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("certified_at", UtcDateTime),
    sa.Column("changed_at", UtcDateTime),
    sa.Column("strange", sa.Integer, nullable=False),  # keys that are not among the objects
)
strange_keys = sa.Table(
    "strange_keys",
    metadata,
    sa.Column("bucket", sa.String, primary_key=True),
    sa.Column("prefix", KEY, primary_key=True),
    sa.Column("told", sa.Integer, nullable=False),
    sa.Column("untold", sa.Integer, nullable=False),
    sa.Column("summed_up_at", UtcDateTime),
)
objects = sa.Table(
    "objects",
    metadata,
    sa.Column("bucket", sa.String, primary_key=True),
    sa.Column("key", KEY, primary_key=True),
    sa.Column("etag", sa.String, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("last_modified", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("delivery_id", sa.String),
    sa.Column("unroutable", Text),
    sa.Column("ignored", Text),
)
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("business_date", sa.Date, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("member_keys", sa.String, nullable=False),  # a JSON list, as text so that every database can compare it
    sa.Column("pointer", sa.JSON, nullable=False),
    sa.Column("pipeline_takes_s", sa.Float, nullable=False),
    sa.Column("arrived_at", UtcDateTime, nullable=False),
    sa.Column("announced_at", UtcDateTime),
    sa.Column("announcements", sa.Integer, nullable=False, default=0),
    sa.Column("claimed_at", UtcDateTime),
    sa.Column("looked_at", UtcDateTime, index=True),
    sa.Column("judged_at", UtcDateTime, index=True),
    sa.Column("verdict", sa.String),
    sa.Column("reason", Text),
    sa.Column("evidence", Text),
    sa.Column("overdue_told_at", UtcDateTime),
    sa.Column("claimed_by", sa.String),  # the id of the run that has the claim
    sa.Column("run_ended", Text),  # how its last run ended without a verdict
    sa.Column("run_ended_at", UtcDateTime),  # when the watcher saw that
    sa.Index("deliveries_of_the_same_keys", "member_keys").ddl_if("sqlite"),  # _INDEX_ON_POSTGRESQL there
)
datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("dataset", sa.String, primary_key=True),
    sa.Column("watched_at", UtcDateTime, nullable=False),
    sa.Column("last_arrived_at", UtcDateTime),
    sa.Column("last_business_date", sa.Date),
    sa.Column("last_uri", Text),
    sa.Column("missing_told", UtcDateTime),
    sa.Column("paused_at", UtcDateTime),
)
groups = sa.Table(
    "groups",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("opened_at", UtcDateTime, index=True),
    sa.Column("state", sa.JSON, nullable=False),
)
announcements = sa.Table(
    "announcements",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("delivery_id", sa.String, index=True),
    sa.Column("event", sa.JSON, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("posted_at", UtcDateTime),
    sa.Column("confirmed_at", UtcDateTime),  # indexed by _PARTIAL_INDEXES, as is the next
    sa.Column("batch_id", sa.String),  # the announcement that this one is bundled into
)
lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("holder", sa.String, nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
)


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a writing transaction. On SQLite no other writes meanwhile, so what it reads holds until it commits."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


def below(prefix: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Return conditions for keys that begin with the prefix. An index serves them; LIKE ignores case on SQLite."""
    end = behind(prefix)
    return (objects.c.key >= prefix,) if end is None else (objects.c.key >= prefix, objects.c.key < end)


def behind(prefix: str) -> str | None:
    """Return the first text that sorts after all texts with this prefix; None if there is none.

    >>> behind("imdb/")
    'imdb0'
    """
    kept = prefix.rstrip(chr(0x10FFFF))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)  # no text holds half of a surrogate pair


def keys_as_text(keys: Sequence[str]) -> str:
    """Return keys in the form of `deliveries.member_keys`."""
    return json.dumps(sorted(keys), ensure_ascii=False)


def announcement_row(delivery_id: str | None, draft: EventDraft, now: datetime) -> dict[str, Any]:
    """Return a row of `announcements`: an event that is due, with a new id."""
    event = {"name": draft.name, "resource": dict(draft.resource), "payload": dict(draft.payload)}
    return {"event_id": str(uuid.uuid4()), "delivery_id": delivery_id, "event": event, "due_at": now}


def create_tables(engine: sa.Engine) -> None:
    """Create the tables of a new ledger. Raises LedgerUnusable for a ledger of another layout."""
    with engine.connect() as connection:
        if has_current_layout(connection):
            return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        if has_current_layout(connection):  # another process created it meanwhile
            return
        metadata.create_all(connection)
        also = (_INDEX_ON_POSTGRESQL,) if engine.dialect.name == "postgresql" else ()
        for statement in (*_PARTIAL_INDEXES, *also):
            connection.exec_driver_sql(statement)
        connection.execute(sa.insert(ledger_version).values(version=VERSION))


def has_current_layout(connection: sa.Connection) -> bool:
    """Return False if there is no ledger yet. Raises LedgerUnusable if there is one of another layout."""
    existing = metadata.tables.keys() & sa.inspect(connection).get_table_names()
    if not existing:
        return False
    found = None  # the first layout had no number
    if ledger_version.name in existing:
        found = connection.execute(sa.select(ledger_version.c.version)).scalar_one_or_none()
    if found != VERSION:
        raise LedgerUnusable(
            f"the ledger {shown(connection.engine.url)} has the layout {found or 1}, and this version of Aceite uses "
            f"layout {VERSION}; use the version of Aceite that wrote it, or delete the ledger: `aceite up` rebuilds it "
            "from S3 (docs/operating/when-the-ledger-is-lost.md)"
        )
    return True
