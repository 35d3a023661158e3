"""Databases in words."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from config.saying.fields import field
from config.saying.times import day_long
from config.words import databases as words

#: Nobody counts the days of what ends later than this.
_COUNTED = timedelta(days=1000)


def renewal_words(version: object) -> str:
    """Whether the next certificate needs a restart, by AWS's word on the engine version (None: it gave none)."""
    return str(words.RENEWAL[None if version is None else field(version, "without_restart")])


def _ends(ends: datetime | None, now: datetime) -> str:
    if ends is None:
        return str(words.TRUST_UNKNOWN)
    values = {"date": day_long(ends), "days": max(0, (ends - now) // timedelta(days=1))}
    if ends - now > _COUNTED:
        return str(words.TRUST_FAR) % values
    return str(words.TRUST_ENDED if ends <= now else words.TRUST_ENDS) % values


def protection_words(facts: object) -> list[str]:
    """Who reaches it, what keeps it from deletion, and how long its backups are kept."""
    said = ["public" if field(facts, "public", False) else "private"]
    if field(facts, "cluster_id", ""):
        said.append("by_cluster")
    else:
        said.append("protected" if field(facts, "protected", False) else "unprotected")
        said.append("backups" if field(facts, "backup_days", 0) else "no_backups")
    values = {"days": field(facts, "backup_days", 0)}
    return [str(words.PROTECTIONS[one]) % values for one in said]


def warning_cure(code: object) -> str:
    """What to do about a warning."""
    return str(words.CURES[str(code)])


def snapshot_kind(kind: object) -> str:
    """Who made a snapshot."""
    return str(words.SNAPSHOT_KINDS.get(str(kind), kind))


def ends_words(row: object, now: datetime) -> str:
    """Until when clients trust a database."""
    return _ends(field(row, "ends", None), now)


def restart_word(restarts: object) -> str:
    """Whether a new certificate restarts a database."""
    return str(words.RESTARTS[restarts if isinstance(restarts, bool) else None])


def handshake_words(code: object) -> str:
    """What the handshake after a change showed."""
    return str(words.HANDSHAKES[str(code)])


def check_label(code: object) -> str:
    """What a person checks with the clients of a database."""
    return str(words.CHECKS[str(code)])


def check_of(checks: Mapping[str, object], code: str) -> object:
    """The event of one check, or None."""
    return checks.get(code)


def wave_of(picked: Mapping[str, int], database: object) -> int:
    """In which wave a database was put in a form that came back; 0 for none."""
    return picked.get(str(database), 0)
