"""What templates say: times in their zone, codes in words, addresses of filtered lists.

Settings make these tags built in, so no template loads them. The work is done in `config.saying`, texts come from
`config.words`, markup from templates/_components/.
"""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone

from accounts.domain.permissions import Permission
from config.saying import (
    accounts,
    addresses,
    audits,
    band,
    channels,
    codes,
    databases,
    ledger,
    operations,
    people,
    planning,
    prices,
    repositories,
    schedules,
    seeing,
    tickets,
    times,
    verification,
    windows,
)
from infra.domain.makings import fix_text
from redmine_sync.queries.servers import rules
from redmine_sync.queries.tickets import tickets_about, volume_tickets

register = template.Library()

FILTERS = (
    times.day, times.day_long, times.weekly, times.iso_day, times.jst, times.jst_short, times.jst_exact, times.clock, times.clock_exact, times.utc,
    times.duration, times.number, times.month_name,
    codes.state_look, codes.error_text, codes.kind_label, codes.role_label, codes.role_list, codes.permission_label, codes.action_label, codes.topic_help, codes.bell_count,
    codes.session_end_text, codes.session_fault_text,
    operations.operation_label, operations.operation_effect, operations.operation_undo, operations.operation_sentence,
    operations.outcome_text, operations.outcome_short, operations.code_text, operations.policy_text, operations.overwrite_text,
    operations.entered_by, operations.why_text, operations.shown_facts, operations.target_code,
    schedules.schedule_reason, schedules.schedule_reason_short, schedules.schedule_sentence, schedules.weekdays,
    schedules.finding_text, schedules.is_tag_finding, schedules.finding_state, schedules.day_sentence, schedules.day_kind,
    schedules.problem_words, schedules.difference_words, schedules.option_label, schedules.option_help,
    schedules.weekday_short, schedules.weekday_name, schedules.weekday_initials, schedules.minutes_clock, schedules.percent_of_day,
    schedules.block_words, schedules.following_words, schedules.period_words, schedules.preset_words, schedules.override_words, schedules.end_word, schedules.source_words, schedules.list_source, schedules.list_state,
    seeing.is_planned, seeing.kept_of, seeing.kept_sentence, seeing.drift_sentence, seeing.drift_cause, seeing.drift_stands,
    seeing.restart_sentence, seeing.restart_short, seeing.hands_off_sentence, seeing.hands_off_short,
    seeing.override_target, seeing.per_mille,
    planning.file_problem, planning.import_step, planning.import_state, planning.import_why, planning.import_icon,
    ledger.event_actor, ledger.event_sentence, ledger.event_kind_label, ledger.pretty_json, ledger.export_name, ledger.export_help, ledger.report_form_help, ledger.hexadecimal,
    accounts.feature_label, accounts.feature_help, accounts.account_role, accounts.check_words,
    people.difference_label, people.difference_help, people.decision_label, people.account_kind, people.reissue_label, people.sign_on_mode, people.sign_on_claim,
    prices.price_problem, prices.price_problem_short, prices.price_amount, prices.price_unit, prices.advice_text, prices.amount_of, prices.money, prices.line_money, prices.whole_hours,
    channels.channel_kind, channels.way_word, channels.wanted_word, channels.wanted_words, channels.channel_state,
    audits.rule_label, audits.rule_reason, audits.anomaly_sentence, audits.limit_label, audits.clock_problem, audits.millis,
    audits.in_language, audits.evidence_sentence, audits.report_label, audits.report_help, audits.column_label, audits.report_cell,
    verification.damage_words, verification.anchor_word, verification.stream_problem, verification.seal_refusal, verification.milliseconds,
    tickets.look_words, tickets.diverged_words, tickets.entry_words, tickets.ticket_sentence, tickets.topic_word, tickets.topic_words,
    repositories.step_word, repositories.step_words, repositories.cause_word, repositories.rule_words, repositories.hint_words,
    repositories.removal_word, repositories.removal_help, repositories.repository_state, repositories.short_commit, repositories.per_cent,
    windows.window_label, windows.window_app, windows.column_name, windows.value_word, windows.option_word, windows.cell_form,
    windows.stored, windows.period_word,
    databases.renewal_words, databases.protection_words, databases.warning_cure, databases.snapshot_kind,
    databases.fix_words, databases.plan_label, databases.plan_value, databases.connect_command, fix_text,
    databases.step_label, databases.cause_text, databases.cause_cure, databases.unknown_message,
    databases.ends_words, databases.restart_word, databases.handshake_words, databases.check_label, databases.check_of, databases.wave_of,
    addresses.aws_console_url, addresses.cloudtrail_url, addresses.quota_url, band.band_marks, band.band_hours,
)  # fmt: skip
for function in FILTERS:
    register.filter(function.__name__, function)

register.simple_tag(codes.state_word)
register.simple_tag(operations.operation_steps)


@register.inclusion_tag("_components/moment.html", takes_context=True)
def moment(context: Context, value: object, style: str = "jst", relative: bool = False) -> dict[str, Any]:
    """A <time> with UTC in its tooltip. style: a key of times.STYLES. relative: add "3 minutes ago".

    The page's clock is the variable `now`, so that a demo at another instant says the right thing.
    """
    instant = times.instant_of(value)
    now = times.instant_of(context.get("now")) or timezone.now()
    return {
        "iso": "" if instant is None else instant.astimezone(UTC).isoformat(),
        "shown": times.STYLES[style](value),
        "exact": "" if instant is None else f"{times.jst_exact(instant)} ({times.utc(instant)})",
        "relative": times.relative(instant, now) if relative and instant is not None else "",
    }


@register.inclusion_tag("_components/icon.html")
def icon(name: str, label: str = "") -> dict[str, str]:
    """An icon of the sprite; without a label it is decoration."""
    return {"name": name, "label": label}


@register.inclusion_tag("_components/state.html")
def state(code: object, family: str = "resource") -> dict[str, object]:
    """Icon, word and colour of a state. family: resource | operation | mark | kept | note | problem | volume | outcome."""
    found = codes.state_of(code, family)
    return {"look": found.look, "word": found.word}


@register.inclusion_tag("redmine_sync/_tickets_of.html", takes_context=True)
def tickets_of(
    context: Context, target_type: str, target_id: object, operation_id: object = ""
) -> dict[str, object]:
    """The tickets that speak of a thing or of an operation."""
    actor, tenant = context["actor"], context["tenant"]
    found = tickets_about(str(target_type), str(target_id), str(operation_id), actor=actor)
    return {"tenant": tenant, "tickets": found, "now": context.get("now")}


@register.simple_tag(takes_context=True)
def volume_ticket(context: Context, volume_id: object = "") -> dict[str, object]:
    """connected: whether tickets can be asked for; of one left-over volume, told: whether it has a ticket or will have, and the ticket
    (None until the ledger was followed so far). Asked for once a page."""
    kept: dict[str, Any] = context.render_context.setdefault("volume_tickets", {})  # type: ignore[arg-type,assignment]
    if not kept:
        kept["all"] = volume_tickets(actor=context["actor"])
    found = kept["all"]
    one = str(volume_id)
    return {"connected": found.connected, "told": one in found.told, "ticket": found.told.get(one)}


@register.simple_tag(takes_context=True)
def redmine_goals(context: Context) -> dict[str, str]:
    """Into which project of Redmine each project's tickets go; "" for all that have no rule of their own."""
    actor = context["actor"]
    may = actor.may(Permission.OPERATION_VIEW, actor.tenant_id)
    return {rule.project: rule.redmine_identifier for rule in rules(actor=actor)} if may else {}


@register.filter
def goal_of(name: str, goals: Mapping[str, str]) -> str:
    """Of one project, or a dash."""
    return goals.get(name) or goals.get("") or "—"


@register.simple_tag(takes_context=True)
def nav_area(context: Context) -> str:
    return addresses.nav_area(context["request"])


@register.simple_tag(takes_context=True)
def url_of_window(context: Context, window: object, pk: object = None) -> str:
    """The list of an auditor's window, or one row of it."""
    return addresses.window_url(context["tenant"].slug, window, pk)


@register.simple_tag(takes_context=True)
def return_path(context: Context) -> str:
    return addresses.return_path(context["request"])


@register.simple_tag(takes_context=True)
def list_url(context: Context, name: str, value: object = "") -> str:
    return addresses.list_url(context["request"], name, value)


@register.simple_tag(takes_context=True)
def page_url(context: Context, name: str, cursor: object) -> str:
    return addresses.page_url(context["request"], name, cursor)


@register.simple_tag(takes_context=True)
def live_url(context: Context, seen: object = "") -> str:
    return addresses.live_url(context["request"], seen)


@register.filter
def filter_word(option: Mapping[str, Any], name: str) -> str:
    """The text of one option of a list filter: its own label, or the word of its code."""
    value = option.get("value", "")
    if option.get("label"):
        return str(option["label"])
    if name == "state":
        return codes.state_word(value, str(option.get("family", "resource")))
    if family := {"outcome": "outcome", "kept": "kept", "mark": "note", "warning": "database"}.get(name):
        return codes.state_word(value, family)
    if name == "month":
        return str(value).replace("-", "/")
    if name == "kind":
        return codes.kind_label(value) if codes.is_kind(value) else operations.operation_label(value)
    return {"event": ledger.event_kind_label, "role": codes.role_label, "rule": audits.rule_label}.get(
        name, str
    )(value)
