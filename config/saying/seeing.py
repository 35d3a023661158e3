"""Late and missed, drift, restarts by AWS, overrides and hands off, in words."""

from datetime import datetime, timedelta
from typing import Any

from config.saying.fields import field
from config.saying.times import ZONE, clock, duration, jst
from config.words import seeing as words
from medical_audit.domain.punctuality import ALREADY, LATE_AFTER, Kept, kept
from medical_audit.domain.states import State


def is_planned(operation: object) -> bool:
    """Whether the clock entered it for a planned instant: a start or stop of a resource."""
    return str(field(operation, "policy")) == "schedule" and field(operation, "target_type") == "resource"


def kept_of(operation: object, now: object) -> str:
    """How a planned start or stop was kept, a code of the state family "kept"; "" for anything else."""
    if not is_planned(operation) or not isinstance(now, datetime):
        return ""
    return str(_kept(operation, now))


def kept_sentence(operation: object, now: object) -> str:
    """Planned and real time: "Planned for 08:30, running at 08:41: 11 minutes late. ..."; "" for what was not planned."""
    if not is_planned(operation) or not isinstance(now, datetime):
        return ""
    found, due, at = _kept(operation, now), field(operation, "due_at"), field(operation, "finished_at", None)
    code = str(found)
    if found is Kept.ON_TIME and field(operation, "outcome") == ALREADY:
        code = ALREADY
    if found is Kept.LATE and at is None:
        code = "overdue"
    action = str(field(operation, "kind")).rpartition(".")[2]
    values = {"due": jst(due), "at": _at(at, due), "span": _lateness((at or now) - due)}
    said = str(words.KEPT_SENTENCES[action, code]) % values
    limit = str(words.LATE_LIMIT) % {"span": duration(LATE_AFTER)} if found is Kept.LATE else ""
    return f"{said} {limit}".strip()


def _kept(operation: object, now: datetime) -> Kept:
    return kept(
        State(str(field(operation, "state"))),
        str(field(operation, "outcome")),
        field(operation, "due_at"),
        field(operation, "finished_at", None),
        now,
    )


def _at(at: datetime | None, due: datetime) -> str:
    """The time of day; with its date where that is another one."""
    if at is None:
        return "—"
    same = at.astimezone(ZONE).date() == due.astimezone(ZONE).date()
    return clock(at) if same else jst(at)


def _lateness(span: timedelta) -> str:
    """Whole minutes, rounded down as clocks are read."""
    return duration(timedelta(minutes=span // timedelta(minutes=1)))


def drift_sentence(drift: object) -> str:
    """How Toban left it, how it is now, and who changed it, as far as AWS says."""
    action = field(drift, "action")
    left = field(action, "finished_at", None) or field(action, "entered_at")
    values = {"left": jst(left), "since": jst(field(drift, "since"))}
    said = str(words.DRIFTS[str(field(drift, "expected")), str(field(drift, "found"))]) % values
    return f"{said} {words.DRIFT_CAUSES[str(field(drift, 'cause'))][0]}"


def drift_cause(drift: object) -> str:
    """Who or what changed it, in a few words."""
    cause = str(field(drift, "cause"))
    return str(words.DRIFT_CAUSES[cause][1]) if cause in words.DRIFT_CAUSES else cause


def drift_stands(standing: object) -> str:
    """What becomes of a change that was made outside Toban."""
    options = field(field(standing, "duty"), "options")
    if field(options, "enforced", False) and not field(standing, "hands_off"):
        return str(words.DRIFT_STANDS["enforced"])
    return str(words.DRIFT_STANDS["next" if field(standing, "next", None) else "none"])


def restart_sentence(restart: object, now: datetime) -> str:
    """When AWS starts a stopped database by itself."""
    return _restart(restart, now, words.RESTARTS)


def restart_short(restart: object, now: datetime) -> str:
    return _restart(restart, now, words.RESTARTS_SHORT)


def _restart(restart: object, now: datetime, table: Any) -> str:
    at = field(restart, "at")
    if at <= now:
        return str(words.RESTART_DUE)
    values = {"span": duration(at - now), "at": jst(at)}
    return str(table[bool(field(restart, "estimated"))]) % values


def hands_off_sentence(code: object) -> str:
    return str(words.HANDS_OFF[str(code)][0])


def hands_off_short(code: object) -> str:
    return str(words.HANDS_OFF[str(code)][1])


def override_target(entry: object) -> str:
    """What an override speaks of: a resource (and how many more), a project, a schedule, or everything."""
    row, resources = field(entry, "row"), list(field(entry, "resources", ()))
    if resources:
        more = len(resources) - 1
        return str(words.AND_MORE) % {"name": resources[0], "n": more} if more else str(resources[0])
    if project := field(row, "project"):
        return str(words.PROJECT) % {"name": project}
    return str(field(row, "schedule", None) or words.EVERYTHING)


def per_mille(value: object) -> str:
    """A share in thousandths as a percentage with one digit: 998 is "99.8 %"."""
    return f"{value // 10}.{value % 10} %" if isinstance(value, int) else "—"
