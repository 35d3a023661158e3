"""Databases in words."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from config.saying.fields import field
from config.saying.times import day_long
from config.words import databases as words
from config.words import diagnosis, makings

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


def fix_words(fix: Mapping[str, str]) -> str:
    """What a fix sets, as the words on its button; what comes with it is said in brackets."""
    said = [
        str(makings.FIXES[name]) % {"value": value} for name, value in fix.items() if name in makings.FIXES
    ]
    return said[0] + (f" ({', '.join(said[1:])})" if said[1:] else "")


def plan_label(code: str) -> str:
    """What a line of a plan is about."""
    kind, _, name = code.partition(":")
    return str(makings.PLAN_LINES[kind]) % {"name": name}


def plan_value(value: str) -> str:
    """One side of a line."""
    return str(makings.YES_NO.get(value, value)) or "—"


def connect_command(facts: Mapping[str, object]) -> str:
    """The command that connects as the master user and checks the certificate; "" for engines that have none here."""
    engine = str(facts.get("engine", ""))
    values = {
        "host": facts.get("address", ""), "port": facts.get("port", ""), "user": facts.get("master_user", "") or "USER",
        "name": facts.get("db_name", "") or makings.UNNAMED.get(engine.partition("-")[0], ""),
    }  # fmt: skip
    for family, command in makings.COMMANDS.items():
        if engine.startswith(family):
            return (command % values).strip()
    return ""


def step_label(step: object) -> str:
    """What one step of a diagnosis asks."""
    return str(diagnosis.STEPS[str(step)])


def cause_text(cause: object) -> str:
    """What a step came to."""
    return str(diagnosis.CAUSES[str(cause)][0])


def cause_cure(cause: object) -> str:
    """What to do about it; "" where there is nothing to do."""
    return str(diagnosis.CAUSES[str(cause)][1])


def unknown_message(meaning: object) -> str:
    """What to say where a client's message is not known."""
    return "" if meaning else str(diagnosis.UNKNOWN_MESSAGE)
