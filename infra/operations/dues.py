"""What falls due for one resource as entries of the clock: on whose authority, why, and how it is to be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from infra.domain.duty import Duty, Occurrence, Pending, pending
from infra.domain.schedule import Action
from infra.models import Resource
from infra.queries.authority import authority_of
from infra.queries.rules import Followed, Rules
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.kinds import Authority, OperationTarget
from medical_audit.operations.automatic import Due


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is recorded about a resource and not carried out: kind of the event, and its detail."""

    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a schedule said of one resource up to now, and what it says next."""

    dues: tuple[Due, ...]
    notes: tuple[Note, ...]
    next: Occurrence | None


def spoken(row: Resource, rules: Rules, now: datetime) -> Spoken:
    """What fell due since the plan of a row was made. Needs `row.account` and a plan."""
    assert row.planned_from is not None
    duty = rules.duty(row)
    said = pending(duty, row.planned_from, now)
    dues = _dues_of(row, said, duty, rules, now)
    notes = list(_skips(row, said, duty, now))
    if said.due is not None and not dues:
        notes.append(_note("schedule.observed", row, said.due))
    return Spoken(tuple(dues), tuple(notes), said.next)


def _dues_of(row: Resource, said: Pending, duty: Duty, rules: Rules, now: datetime) -> list[Due]:
    """What is entered, under the authority of each; nothing in an account that only observes."""
    found = rules.followed(row)
    followed = found if isinstance(found, Followed) else None
    asked = [
        (one, "grace_passed" if now - one.at > duty.grace(one.action) else "superseded")
        for one in said.missed
    ]
    asked += [(said.due, "")] if said.due else []
    dues = []
    for one, missed in asked:
        authority = authority_of(row.account, followed, rules, one)
        if authority is not None:
            dues.append(due_of(row, one, duty, followed, authority, missed=missed))
    return dues


def due_of(
    row: Resource,
    one: Occurrence,
    duty: Duty,
    followed: Followed | None,
    authority: Authority,
    *,
    missed: str = "",
    key_at: datetime | None = None,
) -> Due:
    """One automatic entry. key_at: what makes it unique, where that is not the due instant."""
    reason: dict[str, object] = {"source": authority.source}
    if followed is not None and followed.named is not None and followed.revision is not None:
        reason |= {"schedule": followed.named.name, "revision": followed.revision.number}
    else:
        reason |= {name: row.tags.get(name, "") for name in ("AutoStart", "AutoStop")}
    if one.cause is not None:
        reason["because"] = one.cause.as_json()
    return Due(
        kind=f"{row.kind}.{one.action}",
        target=target_of_resource(row),
        parameters={"aws_id": row.aws_id, **_options(row, one, duty)},
        due_at=one.at,
        grace=duty.grace(one.action),
        dedupe_key=f"{row.kind}.{one.action}/{row.id}/{utc_text(key_at or one.at)}",
        authority=authority,
        reason=reason,
        missed=missed,
    )


def _skips(row: Resource, said: Pending, duty: Duty, now: datetime) -> Iterator[Note]:
    """What a closed day or an override suppressed is recorded in words: each while it is fresh, the rest as a number for
    each reason. So is what lies too far back to list."""
    fresh = [one for one in said.skipped if now - one.at <= duty.grace(one.action)]
    old = [one for one in said.skipped if now - one.at > duty.grace(one.action)]
    for _, alike in groupby(sorted(old, key=_sort), key=_sort):
        yield _earlier(row, list(alike))
    for one in fresh:
        yield _note("schedule.skipped", row, one)
    if said.missed_older and said.missed:
        yield _note("schedule.long_outage", row, said.missed[0], older=said.missed_older)


def _sort(one: Occurrence) -> tuple[str, str]:
    return one.action, one.suppressed.code if one.suppressed else ""


def _earlier(row: Resource, alike: Sequence[Occurrence]) -> Note:
    if len(alike) == 1:
        return _note("schedule.skipped", row, alike[0])
    return _note(
        "schedule.skipped_earlier", row, alike[-1], number=len(alike), first_due_at=utc_text(alike[0].at)
    )


def _note(kind: str, row: Resource, one: Occurrence, **more: object) -> Note:
    detail: dict[str, Any] = {
        "action": f"{row.kind}.{one.action}",
        "due_at": utc_text(one.at),
        "aws_id": row.aws_id,
        **more,
    }
    if one.suppressed is not None:
        detail["because"] = one.suppressed.as_json()
    return Note(kind, detail)


def _options(row: Resource, one: Occurrence, duty: Duty) -> dict[str, bool]:
    """How the schedule wants this action carried out; only what is asked for."""
    options, stop = duty.options, one.action is Action.STOP
    asked = {
        "hibernate": stop and row.kind == "ec2" and options.hibernate,
        "snapshot": stop and row.kind == "rds" and options.snapshot,
        "retain": stop and not one.window and options.retain_running,
        "ordered": options.ordered and bool(row.project),
    }
    return {name: True for name, yes in asked.items() if yes}


def target_of_resource(row: Resource, *, left: bool | None = None) -> OperationTarget:
    """How an operation names a resource. Needs `row.account`. left: whether its region is not looked at, where that is known."""
    return OperationTarget(
        type="resource", id=str(row.id), name=row.name or row.aws_id, lane=row.lane,
        facts={
            "kind": row.kind, "gone": row.gone_at is not None, "start_refusal": row.facts.get("start_refusal", ""),
            "stop_refusal": row.facts.get("stop_refusal", ""), "observed": row.account.only_observed, "left": left,
        },
    )  # fmt: skip
