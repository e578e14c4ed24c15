"""Values as people read them: sizes, durations and moments."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from acceptance.evidence.evidence import DeliveryRecord
from acceptance.messages.languages import ENGLISH, Language, date_text, number_text
from acceptance.messages.message import Message
from acceptance.untrusted_text import GROUP


def count_text(number: int, language: Language = ENGLISH) -> str:
    """Group the digits as the language does.

    In English by narrow spaces: a comma or a point would mean other numbers in other countries.
    """
    if language != ENGLISH:
        return number_text(number, language)
    return f"{number:,}".replace(",", GROUP)


def bytes_text(size_bytes: int, language: Language = ENGLISH) -> str:
    """Three significant digits and a decimal unit: "21.2 MB"."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes" if size_bytes != 1 else "1 byte"
    power = next((power for power in (1, 2, 3) if size_bytes / 1000**power < 999.5), 4)
    size, unit = size_bytes / 1000**power, ("kB", "MB", "GB", "TB")[power - 1]
    return f"{number_text(f'{size:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}', language)} {unit}"


def duration_text(duration: timedelta, language: Language = ENGLISH) -> str:
    """To the millisecond below one second, to the tenth below a minute, then to the second."""
    milliseconds = max(0, round(duration / timedelta(milliseconds=1)))
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 59_950:
        return f"{number_text(f'{milliseconds / 1000:.1f}', language)} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{count_text(hours, language)} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def seconds_text(seconds: float, language: Language = ENGLISH) -> str:
    return duration_text(timedelta(seconds=seconds), language)


def in_utc(moment: datetime) -> datetime:
    """AWS and Prefect speak UTC: a moment without a zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moment_text(moment: datetime, language: Language = ENGLISH) -> str:
    return f"{_clock_text(in_utc(moment), language)} UTC"


def _clock_text(moment: datetime, language: Language) -> str:
    return f"{date_text(moment.date(), language)} {moment:%H:%M:%S}"


def local_text(moment: datetime, zone: str, language: Language = ENGLISH) -> str:
    """Return the moment by the clocks of the zone, with the zone's name; "" for UTC, and for a zone that is not known.

    The zone is a name of the IANA database, or an offset such as UTC-03:00.
    """
    clock = _zone(zone)
    return f"{_clock_text(in_utc(moment).astimezone(clock), language)} {zone}" if clock else ""


def clock_text(moment: datetime, zone: str) -> str:
    """Do as `local_text`, but to the minute, and with the day only if it is another one than in UTC."""
    clock = _zone(zone)
    if clock is None:
        return ""
    local, day = in_utc(moment).astimezone(clock), ""
    if local.date() != in_utc(moment).date():
        day = f"{local:%Y-%m-%d} "
    return f"{day}{local:%H:%M} {zone}"


@cache
def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return None
    try:
        return datetime.strptime(name, "UTC%z").tzinfo if name.startswith("UTC") else ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


def files_text(delivery: DeliveryRecord) -> str:
    """The first file, and how many others there are."""
    if not delivery.files:
        return Message("no file")
    first, others = delivery.files[0].rsplit("/", 1)[-1], len(delivery.files) - 1
    return Message("{file} and {number} more", file=first, number=others) if others > 0 else first
