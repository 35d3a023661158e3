"""What templates say: times in their zone, codes in words, addresses of filtered lists.

Settings make these tags built in, so no template loads them. Texts come from `config.words`; markup comes from
templates/_components/. Values may be domain objects or the plain JSON kept in the ledger.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django import template
from django.template.context import Context
from django.utils import dates, timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from config import words

register = template.Library()

ZONE: Final = ZoneInfo("Asia/Tokyo")
PAGING: Final = ("after", "before", "part", "seen")


# --- Times --------------------------------------------------------------------------------------------------------


def _instant(value: object) -> datetime | None:
    """Read an aware datetime or its ISO 8601 text; anything else is None and shows as a dash."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


def _day_text(day: date, *, year: bool = False) -> str:
    weekday = str(dates.WEEKDAYS_ABBR[day.weekday()])
    if get_language() == "ja":
        head = f"{day.year}/{day.month}/{day.day}" if year else f"{day.month}/{day.day}"
        return f"{head} ({weekday})"
    tail = f" {day.year}" if year else ""
    return f"{weekday} {day.day} {str(dates.MONTHS_3[day.month]).capitalize()}{tail}"


@register.filter
def day(value: object) -> str:
    """A date, or the local date of an instant: "11/30 (月)", in English "Mon 30 Nov"."""
    if isinstance(value, str) and len(value) == len("2026-11-30"):
        value = date.fromisoformat(value)
    if isinstance(value, (datetime, str)):
        instant = _instant(value)
        return "—" if instant is None else _day_text(instant.astimezone(ZONE).date())
    return _day_text(value) if isinstance(value, date) else "—"


@register.filter
def day_long(value: object) -> str:
    """A date, or the local date of an instant, with its year: "2026/11/30 (月)"."""
    if isinstance(value, datetime):
        return _day_text(value.astimezone(ZONE).date(), year=True)
    return _day_text(value, year=True) if isinstance(value, date) else "—"


@register.filter
def jst(value: object) -> str:
    """An instant as people in the office say it: "11/30 (月) 08:30 JST", in English "Mon 30 Nov 08:30 JST"."""
    if (instant := _instant(value)) is None:
        return "—"
    local = instant.astimezone(ZONE)
    return f"{_day_text(local.date())} {local:%H:%M} {local.tzname()}"


@register.filter
def jst_exact(value: object) -> str:
    """The same with year and seconds, for the ledger and for tooltips."""
    if (instant := _instant(value)) is None:
        return "—"
    local = instant.astimezone(ZONE)
    return f"{_day_text(local.date(), year=True)} {local:%H:%M:%S} {local.tzname()}"


@register.filter
def jst_short(value: object) -> str:
    """The same without the zone, for a column whose heading names it."""
    if (instant := _instant(value)) is None:
        return "—"
    local = instant.astimezone(ZONE)
    return f"{_day_text(local.date())} {local:%H:%M}"


@register.filter
def clock(value: object) -> str:
    """Only the time of day, "08:30"; the column or the heading names the zone."""
    instant = _instant(value)
    return "—" if instant is None else f"{instant.astimezone(ZONE):%H:%M}"


@register.filter
def clock_exact(value: object) -> str:
    """The time of day with seconds, "08:30:05"."""
    instant = _instant(value)
    return "—" if instant is None else f"{instant.astimezone(ZONE):%H:%M:%S}"


@register.filter
def utc(value: object) -> str:
    """The instant in UTC, ISO 8601 to the second."""
    instant = _instant(value)
    return "" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@register.filter
def duration(value: object) -> str:
    """A timedelta or a number of seconds in words, at most two units: "1 hour 20 minutes"."""
    if isinstance(value, int | float):
        value = timedelta(seconds=value)
    if not isinstance(value, timedelta):
        return "—"
    seconds = int(abs(value.total_seconds()))
    if seconds < 60:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    parts = []
    if days:
        parts.append(ngettext("%(n)d day", "%(n)d days", days) % {"n": days})
    if hours:
        parts.append(ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours})
    if minutes and not days:
        parts.append(ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes})
    return " ".join(parts)


def _relative(instant: datetime, now: datetime) -> str:
    away = instant - now
    if abs(away) < timedelta(seconds=1):
        return _("now")
    return (_("in %(span)s") if away > timedelta(0) else _("%(span)s ago")) % {"span": duration(away)}


STYLES: Final = {
    "jst": jst,
    "short": jst_short,
    "exact": jst_exact,
    "clock": clock,
    "clock_exact": clock_exact,
    "day": day,
}


@register.inclusion_tag("_components/moment.html", takes_context=True)
def moment(context: Context, value: object, style: str = "jst", relative: bool = False) -> dict[str, Any]:
    """A <time> with UTC in its tooltip. style: jst | short | exact | clock | clock_exact | day. relative: add "3 minutes ago".

    The page's clock is the variable `now`, so that a demo at another instant says the right thing.
    """
    instant = _instant(value)
    shown = STYLES[style](value)
    now = _instant(context.get("now")) or timezone.now()
    return {
        "instant": instant,
        "iso": "" if instant is None else instant.astimezone(UTC).isoformat(),
        "shown": shown,
        "exact": "" if instant is None else f"{jst_exact(instant)} ({utc(instant)})",
        "relative": _relative(instant, now) if relative and instant is not None else "",
    }


@register.filter
def number(value: object) -> object:
    """A whole number with its thousands set off."""
    return f"{value:,}" if isinstance(value, int) else value


# --- Codes in words -----------------------------------------------------------------------------------------------


@register.inclusion_tag("_components/icon.html")
def icon(name: str, label: str = "") -> dict[str, str]:
    """An icon of the sprite; without a label it is decoration."""
    return {"name": name, "label": label}


def _state(code: object, family: str) -> words.State:
    text = str(code).lower()
    return words.STATE_FAMILIES[family].get(text, words.State("unknown", text))


@register.inclusion_tag("_components/state.html")
def state(code: object, family: str = "resource") -> dict[str, object]:
    """Icon, word and colour of a state. family: resource | operation | mark | problem | volume | outcome."""
    found = _state(code, family)
    return {"look": found.look, "word": found.word}


@register.simple_tag
def state_word(code: object, family: str = "resource") -> str:
    return str(_state(code, family).word)


@register.filter
def state_look(code: object, family: str = "resource") -> str:
    """The name of a state's icon and colour."""
    return _state(code, family).look


@register.filter
def kind_label(code: object) -> str:
    """A kind of resource or subject, "EC2 instance"."""
    return str(words.RESOURCE_KINDS.get(str(code), code))


@register.filter
def role_label(code: object) -> str:
    return str(words.ROLES.get(str(code), code))


@register.filter
def action_label(code: object) -> str:
    """start, stop, tag."""
    return str(words.ACTIONS.get(str(code), code))


@register.filter
def operation_label(kind: object) -> str:
    """The short name of an operation's kind, for lists and filters."""
    return str(words.OPERATION_KINDS.get(str(kind), (kind, ""))[0])


@register.filter
def operation_effect(kind: object) -> str:
    return str(words.OPERATION_EFFECTS.get(str(kind), ("", ""))[0])


@register.filter
def operation_undo(kind: object) -> str:
    return str(words.OPERATION_EFFECTS.get(str(kind), ("", ""))[1])


def _field(value: object, name: str, default: object = "") -> Any:
    if isinstance(value, Mapping):
        return value.get(name, default)
    return getattr(value, name, default)


def _operation_sentence(kind: object, name: object, id_: object) -> str:
    target = str(name or id_ or "—")
    pair = words.OPERATION_KINDS.get(str(kind))
    return f"{kind} {target}" if pair is None else str(pair[1]) % {"target": target}


@register.filter
def operation_sentence(operation: object) -> str:
    """What an operation does to what: "Start the EC2 instance ehr-web-01"."""
    return _operation_sentence(
        _field(operation, "kind"), _field(operation, "target_name"), _field(operation, "target_id")
    )


def _reason_values(reason: object) -> tuple[str, dict[str, Any]]:
    """Code and values of a domain Reason, of its JSON, or of a bare code; dates in words."""
    if isinstance(reason, str):
        return reason, {}
    if isinstance(reason, Mapping):
        values = dict(reason)
    else:
        params = _field(reason, "params", {})
        values = dict(params if isinstance(params, Mapping | Iterable) else {})
    code = str(_field(reason, "code"))
    if values.get("day"):
        values["day"] = day(values["day"])
    return code, values


@register.filter
def schedule_reason(reason: object) -> str:
    """Why a resource is on or off, as one sentence; nothing for no reason."""
    if not reason:
        return ""
    code, values = _reason_values(reason)
    return words.sentence(words.REASONS, code, values)


@register.filter
def schedule_reason_short(reason: object) -> str:
    """The same in a few words, for a table cell."""
    if not reason:
        return ""
    code, values = _reason_values(reason)
    return words.sentence(words.REASONS_SHORT, code, values)


@register.filter
def schedule_sentence(schedule: object) -> str:
    """The standing rule: "Starts at 08:30 on working days and stops at 19:00."; nothing for no schedule."""
    start, stop = _field(schedule, "start", None), _field(schedule, "stop", None)
    text = words.SCHEDULES.get((bool(start), bool(stop)))
    if text is None:
        return ""
    return str(text) % {
        "start": start,
        "stop": stop,
        "days": weekdays(_field(schedule, "weekdays", range(5))),
    }


@register.filter
def weekdays(numbers: Iterable[int]) -> str:
    """Days of the week (0 is Monday) in words."""
    chosen = sorted(numbers)
    if chosen == list(range(7)):
        return str(words.EVERY_DAY)
    if chosen == list(range(5)):
        return str(words.WORKING_DAYS)
    return ("・" if get_language() == "ja" else ", ").join(
        str(dates.WEEKDAYS_ABBR[number]) for number in chosen
    )


@register.filter
def finding_text(finding: object) -> str:
    """What is wrong with a tag, as one sentence."""
    values = {name: _field(finding, name) for name in ("tag", "value", "suggestion")}
    return words.sentence(words.FINDINGS, str(_field(finding, "code")), values)


@register.filter
def code_text(code: object) -> str:
    """What a code of an outcome, a problem or a refusal means, as one sentence."""
    return words.sentence(words.CODES, str(code), {}) if code else ""


def _code_with_detail(code: object, detail: object) -> str:
    """The same, with the permission that is missing and what AWS itself said, where the detail holds them."""
    if not code:
        return ""
    inner = _field(detail, "detail", None) or detail
    text = words.sentence(words.CODES, str(code), {"action": _field(inner, "missing_action") or "—"})
    if last := _field(inner, "last"):
        text = f"{text} {code_text(last)}"
    return f"{text} ({message})" if (message := _field(inner, "message")) else text


@register.filter
def outcome_text(operation: object) -> str:
    """How an operation ended or why it waits; nothing while there is nothing to say."""
    return _code_with_detail(_field(operation, "outcome"), _field(operation, "outcome_detail", {}))


@register.filter
def outcome_short(operation: object) -> str:
    """The same without AWS's own words, for a list."""
    code, detail = _field(operation, "outcome"), _field(operation, "outcome_detail", {})
    return (
        words.sentence(words.CODES, str(code), {"action": _field(detail, "missing_action") or "—"})
        if code
        else ""
    )


@register.filter
def policy_text(policy: object) -> str:
    """Who may confirm."""
    return str(words.POLICIES.get(str(policy), policy))


@register.filter
def day_sentence(reason: object) -> str:
    """What kind of day it is and what that means for schedules."""
    code, values = _reason_values(reason)
    return words.sentence(words.DAY_SENTENCES, code, values)


@register.filter
def day_kind(reason: object) -> str:
    """The kind of a day in a word."""
    code, values = _reason_values(reason)
    return words.sentence(words.DAY_KINDS, code, values)


# --- Operations ---------------------------------------------------------------------------------------------------


@register.filter
def entered_by(operation: object) -> str:
    """A person's name, or Toban itself."""
    known = words.ACTORS.get(str(_field(operation, "entered_by_type")))
    return str(known) if known is not None else str(_field(operation, "entered_by_name"))


@register.filter
def why_text(operation: object) -> str:
    """The reason that a person typed, or what the clock acted on."""
    if typed := _field(operation, "reason"):
        return str(typed)
    reason = _field(_field(operation, "authority", {}), "reason", {})
    values = {key: value or "—" for key, value in dict(reason).items()}
    return words.sentence(words.SOURCES, str(values.get("source", "")), values)


@register.filter
def target_code(operation: object) -> str:
    """The id that AWS knows the target by."""
    parameters = _field(operation, "parameters", {})
    return str(
        _field(parameters, "aws_id") or _field(parameters, "volume_id") or _field(operation, "target_id")
    )


def _step(name: str, at: object = None, who: str = "") -> dict[str, Any]:
    return {"word": words.STEPS[name], "at": at, "who": who, "look": "stopped", "icon": "state-stopped"}


@register.simple_tag
def operation_steps(operation: object) -> list[dict[str, Any]]:
    """The way of an operation: the steps passed, where it stands, and its end in place of the steps left out."""
    steps = [
        _step("entered", _field(operation, "entered_at"), entered_by(operation)),
        _step(
            "confirmed", _field(operation, "confirmed_at", None), str(_field(operation, "confirmed_by_name"))
        ),
        _step("called", _field(operation, "called_at", None)),
        _step("verified", _field(operation, "finished_at", None)),
    ]
    now_at, finished = str(_field(operation, "state")).lower(), _field(operation, "finished_at", None)
    passed = [step for step in steps[:-1] if step["at"]]
    for step in passed:
        step |= {"passed": True, "look": "done", "icon": "state-done"}
    if now_at == "succeeded":
        steps[-1] |= {"passed": True, "here": True, "look": "done", "icon": "state-done"}
        return [*passed, steps[-1]]
    found = _state(now_at, "operation")
    here = {"word": found.word, "look": found.look, "icon": f"state-{found.look}", "here": True}
    if finished:
        return [*passed, here | {"at": finished, "who": ""}]
    if now_at in ("running", "unknown"):
        return [*passed, here | {"at": None, "who": ""}, steps[-1]]
    waiting = steps[len(passed) :]
    if now_at == "entered" and waiting:
        waiting[0] |= here | {"who": ""}
        return [*passed, *waiting]
    passed[-1]["here"] = True
    return [*passed, *waiting]


# --- The ledger ---------------------------------------------------------------------------------------------------


def _body(event: object) -> Mapping[str, Any]:
    body = _field(event, "body", None)
    if isinstance(body, str):
        body = json.loads(body)
    return body if isinstance(body, Mapping) else {}


def _actor_name(body: Mapping[str, Any]) -> str:
    actor = body.get("actor", {})
    known = words.ACTORS.get(str(actor.get("type")))
    return str(known) if known is not None else str(actor.get("name") or actor.get("id") or "—")


@register.filter
def event_actor(event: object) -> str:
    """Who: a person's name, or Toban itself; with the person whom he entered for."""
    body = _body(event)
    name, behalf = _actor_name(body), body.get("behalf")
    return _("%(actor)s for %(principal)s") % {"actor": name, "principal": behalf["name"]} if behalf else name


@register.filter
def event_sentence(event: object) -> str:
    """One ledger event (its row, with the canonical JSON in `body`) as one plain sentence."""
    body = _body(event)
    subject, detail = body.get("subject", {}), body.get("detail", {})
    kind = str(body.get("kind") or _field(event, "kind"))
    name = subject.get("name") or subject.get("id") or "—"
    values = dict(detail) | {
        "actor": event_actor(event),
        "subject": name,
        "operation": _operation_sentence(detail.get("kind") or detail.get("action"), name, ""),
        "problem": _code_with_detail(detail.get("problem") or detail.get("code"), detail),
        "reason": _event_reason(body, detail),
    }
    return words.sentence(words.EVENTS, kind, values).strip()


def _event_reason(body: Mapping[str, Any], detail: Mapping[str, Any]) -> str:
    """A reason that a person typed comes first, then the schedule's reason, then the finding."""
    if body.get("reason"):
        return str(body["reason"])
    if detail.get("because"):
        return schedule_reason(detail["because"])
    return finding_text(detail) if "tag" in detail else ""


@register.filter
def event_kind_label(kind: object) -> str:
    return str(words.EVENT_KINDS.get(str(kind), kind))


@register.filter
def pretty_json(value: object) -> str:
    """JSON, readable by people; text is parsed first."""
    parsed = json.loads(value) if isinstance(value, str) else value
    return json.dumps(parsed, ensure_ascii=False, indent=2, default=str)


@register.filter
def hexadecimal(value: object) -> str:
    """Bytes of a hash as hex digits; text stays as it is."""
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value or "")


# --- Addresses ----------------------------------------------------------------------------------------------------


AREAS: Final = {
    "today": "today",
    "resources": "resources",
    "resource": "resources",
    "operation-enter": "resources",
    "volumes": "volumes",
    "operations": "operations",
    "operation": "operations",
    "ledger": "ledger",
}


@register.simple_tag(takes_context=True)
def nav_area(context: Context) -> str:
    """The part of the main menu that this page belongs to."""
    match = context["request"].resolver_match
    return "" if match is None else AREAS.get(match.url_name or "", "")


@register.simple_tag(takes_context=True)
def list_url(context: Context, name: str, value: object = "") -> str:
    """This list with one filter set (or cleared by an empty value) and paging started anew."""
    query = context["request"].GET.copy()
    for paging in PAGING:
        query.pop(paging, None)
    query.pop(name, None)
    if value not in ("", None):
        query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def page_url(context: Context, name: str, cursor: object) -> str:
    """This list, other page: name is "after" or "before", cursor the keyset's text."""
    query = context["request"].GET.copy()
    for paging in PAGING:
        query.pop(paging, None)
    query[name] = str(cursor)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def live_url(context: Context, seen: object = "") -> str:
    """Where the page fetches its live part: the same address with part=live, and what it has seen so far."""
    query = context["request"].GET.copy()
    query["part"] = "live"
    if seen:
        query["seen"] = str(seen)
    return f"?{query.urlencode()}"


@register.filter
def filter_word(option: Mapping[str, Any], name: str) -> str:
    """The text of one option of a list filter: its own label, or the word of its code."""
    if option.get("label"):
        return str(option["label"])
    value = option.get("value", "")
    tables: dict[str, Any] = {
        "kind": lambda code: words.RESOURCE_KINDS.get(code) or operation_label(code),
        "event": event_kind_label,
        "state": lambda code: _state(code, str(option.get("family", "resource"))).word,
        "outcome": lambda code: _state(code, "outcome").word,
        "role": role_label,
    }
    return str(tables[name](value)) if name in tables else str(value)


@register.filter
def aws_console_url(resource: object) -> str:
    """The page of a resource in AWS's own console; empty for a kind that has none here."""
    region, aws_id = quote(str(_field(resource, "region"))), quote(str(_field(resource, "aws_id")))
    base = f"https://{region}.console.aws.amazon.com"
    pages = {
        "ec2": f"{base}/ec2/home?region={region}#InstanceDetails:instanceId={aws_id}",
        "rds": f"{base}/rds/home?region={region}#database:id={aws_id};is-cluster=false",
        "ebs": f"{base}/ec2/home?region={region}#VolumeDetails:volumeId={aws_id}",
    }
    return pages.get(str(_field(resource, "kind")), "")
