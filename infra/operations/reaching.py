"""Letting somebody reach a database, for a while or for good, and taking it back: one rule of a security group each.

Opening takes another person; closing a person does himself, and the clock when the time that was confirmed is over. A rule
that stood there before is nobody's to take away here: only what an operation of Toban's added is closed by Toban.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from accounts.domain.permissions import Permission
from infra.domain.reach import (
    Rule,
    counted,
    description_problem,
    end_problem,
    full_problem,
    is_group,
    port_of,
    rule_from_json,
    same,
    source_of,
    source_problem,
)
from infra.domain.tags import hands_off
from infra.models import Region, Resource
from infra.operations.database_rounds import LANE_CLASS
from infra.operations.snapshotting import database_row
from infra.queries.databases import terms_here
from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import (
    Authority,
    OperationTarget,
)
from medical_audit.domain.states import OPEN, WORKABLE, State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.automatic import Due, enter_due
from medical_audit.tenancy import tenant_scope

OPEN_KIND, CLOSE_KIND = "reach.open", "reach.close"
PERMISSIONS = frozenset({str(Permission.DATABASE_EDIT)})
#: What is over is taken away, however late: a rule left open is worse than a late one closed.
GRACE = timedelta(days=7)
FIRST_AGAIN, LAST_AGAIN = timedelta(minutes=5), timedelta(hours=1)
_OPEN_KEYS = ("aws_id", "group", "port", "source", "description", "until_at")
_CLOSE_KEYS = ("aws_id", "group", "port", "source", "opened")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. until None: for good. source: a security group or an IPv4 network, as typed."""

    group: str
    source: str
    description: str
    until: datetime | None = None


# -- entering ------------------------------------------------------------------------------------------------------


def target_of_reach(row: Resource) -> OperationTarget:
    facts = {"gone": row.gone_at is not None}
    return OperationTarget("resource", str(row.id), row.name or row.aws_id, f"{row.lane}/{LANE_CLASS}", facts)


def rules_here(row: Resource) -> list[Rule] | None:
    """The rules of a database's groups as last read; None where they could not be. Needs the tenant bound."""
    return _rules_of(row, terms_here(row))


def rules_read_at(row: Resource) -> datetime | None:
    """When these were last read whole. Needs the tenant bound."""
    region = Region.objects.filter(account=row.account, name=row.region).first()
    return region.database_terms_at if region is not None else None


def _rules_of(row: Resource, terms: Mapping[str, Any]) -> list[Rule] | None:
    kept, mine = terms.get("rules"), set(row.facts.get("groups", ()))
    return None if kept is None else [rule_from_json(one) for one in kept if one["group"] in mine]


def enter_open(
    resource_id: UUID, wish: Wish, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter that a source may reach a database. Raises NotPermitted, NotFound, Refused: gone, port_unknown, group_not_its_own,
    what is wrong with the source, the description or the end, rule_exists, group_full, group_full_unread, rules_unread,
    operation_open."""
    with tenant_scope(actor.tenant_id):
        row = database_row(resource_id)
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        key = f"form/{actor.id}/{token}/{OPEN_KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if problem := wish_problem(row, wish, now):
            raise Refused(problem, target=str(row))
        parameters = {
            "aws_id": row.aws_id, "group": wish.group, "port": port_of(row.facts), "source": source_of(wish.source),
            "description": wish.description.strip(), "until_at": utc_text(wish.until) if wish.until else "",
        }  # fmt: skip
        alike = Operation.objects.filter(kind=OPEN_KIND, target_id=str(row.id), state__in=OPEN)
        if alike.filter(parameters__source=parameters["source"], parameters__group=wish.group).exists():
            raise Refused("operation_open", target=str(row))
        return entry.enter(
            OPEN_KIND, target_of_reach(row), parameters, actor=actor, now=now, reason=reason, dedupe_key=key
        )


def wish_problem(row: Resource, wish: Wish, now: datetime) -> str:
    """What is wrong with a wish (a code), or "". Needs the tenant bound."""
    if problem := source_problem(wish.source) or description_problem(wish.description):
        return problem
    source, terms = source_of(wish.source), terms_here(row)
    rules = _rules_of(row, terms)
    checks = (
        ("gone", row.gone_at is not None),
        (hands_off(row.tags), True),
        ("port_unknown", not port_of(row.facts)),
        ("group_not_its_own", wish.group not in row.facts.get("groups", ())),
        (end_problem(source, wish.until, now), True),
        ("rules_unread", rules is None),
        ("rule_exists", same(rules or (), wish.group, port_of(row.facts), source) is not None),
        ("source_group_not_there", _elsewhere(row, source, terms)),
        (full_problem(counted(rules or (), wish.group), terms.get("rules_limit")), True),
    )
    return next((code for code, holds in checks if code and holds), "")


def _elsewhere(row: Resource, source: str, terms: Mapping[str, Any]) -> bool:
    """Whether a security group is none of the database's network, as far as its groups are known."""
    known = {one["id"]: one["vpc"] for one in terms.get("stock", {}).get("groups", ())}
    if not is_group(source) or source in row.facts.get("groups", ()) or not known:
        return False
    if Resource.objects.filter(gone_at__isnull=True, facts__groups__contains=[source]).exists():
        return False  # of a network that is peered; AWS says whether it is
    here = {known[one] for one in row.facts.get("groups", ()) if one in known}
    return source not in known or (bool(here) and known[source] not in here)


def enter_close(opened_id: UUID, *, actor: Actor, now: datetime, reason: str, token: str = "") -> Operation:
    """Enter that what an operation opened is closed. Raises NotPermitted, NotFound, Refused (not_open)."""
    with tenant_scope(actor.tenant_id):
        opened: Operation | None = Operation.objects.filter(id=opened_id, kind=OPEN_KIND).first()
        if opened is None:
            raise NotFound(type="operation", id=str(opened_id))
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        key = f"form/{actor.id}/{token}/{CLOSE_KIND}/{opened.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if opened.id not in {one.id for one in open_now([opened.target_id])}:
            raise Refused("not_open", target=opened.target_name)
        target = OperationTarget("resource", opened.target_id, opened.target_name, opened.lane)
        return entry.enter(
            CLOSE_KIND, target, _closing(opened), actor=actor, now=now, reason=reason, dedupe_key=key
        )


def open_now(databases: Sequence[str]) -> list[Operation]:
    """What Toban has opened for these databases (ids) and nobody has begun to close, oldest first."""
    mine = _standing().filter(target_type="resource", target_id__in=list(databases))
    return list(mine.order_by("entered_at", "id"))


def ending_in(lane: str) -> list[Operation]:
    """What stands open in an account and region (their lane) until the clock closes it, oldest first. Needs the tenant bound."""
    here = _standing().filter(lane=f"{lane}/{LANE_CLASS}").exclude(parameters__until_at="")
    return list(here.order_by("entered_at", "id"))


def enter_closings(*, actor: Actor, now: datetime) -> list[Operation]:
    """Enter the closing of everything whose confirmed time is over. Needs the tenant bound.

    It asks the database only, before AWS is looked at, so that no look that fails keeps a way open. A closing that came to nothing is
    entered again, at first after five minutes, then less often; one that a person entered and nobody has confirmed holds up nothing.
    """
    due = list(
        _standing(WORKABLE).filter(parameters__until_at__gt="", parameters__until_at__lte=utc_text(now))
    )
    tries = _tries([one.id for one in due])
    dues = [
        Due(
            kind=CLOSE_KIND,
            target=OperationTarget("resource", one.target_id, one.target_name, one.lane),
            parameters=_closing(one),
            due_at=_until(one),
            grace=now - _until(one) + GRACE,
            dedupe_key=f"{CLOSE_KIND}/{one.id.hex}/{len(tries[one.id])}",
            authority=Authority("reach", str(one.id), one.confirmed_by_id, one.confirmed_by_name),
            reason={"source": "reach"},
        )
        for one in due
        if _again_at(tries[one.id]) <= now
    ]
    return enter_due(dues, actor=actor, now=now) if dues else []


def _standing(closing_in: Collection[State] = OPEN) -> QuerySet[Operation]:
    """What Toban has opened, and no closing has closed or is about to: one in one of these states."""
    closing = Operation.objects.annotate(of=KeyTextTransform("opened", "parameters")).filter(
        kind=CLOSE_KIND, target_id=OuterRef("target_id"), state__in=[*closing_in, State.SUCCEEDED],
        of=Cast(OuterRef("id"), TextField()),
    )  # fmt: skip
    rows = Operation.objects.filter(kind=OPEN_KIND, state=State.SUCCEEDED, outcome="reach_opened")
    found: QuerySet[Operation] = rows.exclude(Exists(closing))
    return found


def _tries(opened: Sequence[UUID]) -> Mapping[UUID, list[datetime]]:
    """When each closing that the clock entered in vain ended, by the operation that opened."""
    ended: dict[UUID, list[datetime]] = defaultdict(list)
    rows = Operation.objects.filter(
        kind=CLOSE_KIND, policy="schedule", parameters__opened__in=[str(one) for one in opened]
    )
    for of, at in rows.values_list("parameters__opened", "finished_at"):
        ended[UUID(of)].append(at)
    return ended


def _again_at(ended: Sequence[datetime]) -> datetime:
    """When a closing is entered again: after 5, 10, 20, then every 60 minutes."""
    if not ended:
        return datetime.min.replace(tzinfo=UTC)
    pause: timedelta = min(FIRST_AGAIN * 2 ** min(len(ended) - 1, 4), LAST_AGAIN)
    return max(ended) + pause


def _until(one: Operation) -> datetime:
    return datetime.fromisoformat(one.parameters["until_at"])


def _closing(opened: Operation) -> dict[str, Any]:
    given = opened.parameters
    ours = {"opened": str(opened.id), "rule": opened.outcome_detail["rule"]}
    return {name: given[name] for name in ("aws_id", "group", "port", "source")} | ours


# -- the kinds -----------------------------------------------------------------------------------------------------


def clean_open(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _OPEN_KEYS}


def clean_close(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _CLOSE_KEYS} | {"rule": parameters.get("rule", "")}


def shown_open(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    call = "ec2:AuthorizeSecurityGroupIngress"
    return {"sentence": OPEN_KIND, "call": call, "lane": target.lane, **parameters}


def shown_close(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    call = "ec2:RevokeSecurityGroupIngress"
    return {"sentence": CLOSE_KIND, "call": call, "lane": target.lane, **parameters}


def refusal(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
    """Whatever way it was entered: nobody opens a database to everybody."""
    return source_problem(parameters["source"]) or None
