"""What falls due for one resource as an entry of the clock: on whose authority, why, and how it is to be done."""

from __future__ import annotations

from datetime import datetime, timedelta

from infra.domain.duty import Duty, Occurrence, Pending, wanted
from infra.domain.schedule import Action
from infra.models import Resource
from infra.operations.rounds import NOT_RELEASED
from infra.queries.authority import authority_of
from infra.queries.rules import Followed, Rules
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.kinds import Authority, OperationTarget
from medical_audit.operations.automatic import Due


def dues_of(row: Resource, said: Pending, duty: Duty, rules: Rules, now: datetime) -> list[Due]:
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
    grace: timedelta | None = None,
) -> Due:
    """One automatic entry. key_at: what makes it unique, where that is not the due instant; grace: where the
    schedule's own does not hold."""
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
        grace=grace or duty.grace(one.action),
        dedupe_key=f"{row.kind}.{one.action}/{row.id}/{utc_text(key_at or one.at)}",
        authority=authority,
        reason=reason,
        missed=missed,
    )


def held_due(row: Resource, at: datetime, rules: Rules, now: datetime, *, released: bool) -> Due | None:
    """A stop that was held back: due since then, to be done within its grace from now on, or recorded as missed."""
    duty, found = rules.duty(row), rules.followed(row)
    followed = found if isinstance(found, Followed) else None
    one = Occurrence(at, Action.STOP, None, wanted(duty, at)[1])
    authority = authority_of(row.account, followed, rules, one)
    if authority is None:
        return None
    grace = now - at + duty.grace(Action.STOP)
    missed = "" if released else NOT_RELEASED
    return due_of(row, one, duty, followed, authority, missed=missed, grace=grace)


def _options(row: Resource, one: Occurrence, duty: Duty) -> dict[str, bool]:
    """How the schedule wants this action carried out; only what is asked for."""
    options, stop = duty.options, one.action is Action.STOP
    asked = {
        "hibernate": stop and row.kind == "ec2" and options.hibernate,
        "retain": stop and not one.window and options.retain_running,
        "ordered": options.ordered and bool(row.project),
    }
    return {name: True for name, yes in asked.items() if yes}


def target_of_resource(row: Resource) -> OperationTarget:
    """How an operation names a resource."""
    return OperationTarget(
        type="resource", id=str(row.id), name=row.name or row.aws_id, lane=row.lane,
        facts={"kind": row.kind, "gone": row.gone_at is not None, "stop_refusal": row.facts.get("stop_refusal", "")},
    )  # fmt: skip
