"""The tables of the ledger. Every time is in UTC."""

from datetime import UTC, datetime

import sqlalchemy as sa

metadata = sa.MetaData()


class UtcDateTime(sa.TypeDecorator[datetime]):
    """SQLite keeps no zone; here every time is UTC."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


objects = sa.Table(
    "objects",
    metadata,
    sa.Column("bucket", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("etag", sa.String, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("last_modified", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("delivery_id", sa.String),
    sa.Column("unroutable", sa.String),
)
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, nullable=False, index=True),
    sa.Column("business_date", sa.Date, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("member_keys", sa.String, nullable=False),  # a JSON list, as text so that every database can compare it
    sa.Column("pointer", sa.JSON, nullable=False),
    sa.Column("pipeline_takes_s", sa.Float, nullable=False),
    sa.Column("arrived_at", UtcDateTime, nullable=False),
    sa.Column("announced_at", UtcDateTime),
    sa.Column("announcements", sa.Integer, nullable=False, default=0),
    sa.Column("claimed_at", UtcDateTime),
    sa.Column("looked_at", UtcDateTime),
    sa.Column("judged_at", UtcDateTime, index=True),
    sa.Column("verdict", sa.String),
    sa.Column("reason", sa.String),
    sa.Column("evidence", sa.String),
)
announcements = sa.Table(
    "announcements",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("delivery_id", sa.String),
    sa.Column("event", sa.JSON, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("posted_at", UtcDateTime),
    sa.Column("confirmed_at", UtcDateTime, index=True),
)
lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("holder", sa.String, nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
)
