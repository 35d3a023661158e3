"""Many accounts at once: asking AWS Organizations which there are, and taking those in that a person ticked, each as one by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from accounts.domain.permissions import Permission
from infra.aws.organization import list_members
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.onboarding import Feature
from infra.domain.organization import ACTIVE, AT_ONCE, members_from_json
from infra.models import AccountSetup
from infra.operations.setups import ask_proof, begin_again, begin_setup, take_in, tell
from infra.queries.accounts import PROOF_TRIES_FOR, may_be_asked
from medical_audit.domain.actor import Actor, system_actor
from medical_audit.domain.errors import AlreadyMoved, NotFound, Refused
from medical_audit.tenancy import tenant_scope

#: What is wrong with all alike, so that nothing is begun.
OF_WHAT_WAS_SENT = frozenset({"bad_parameter", "region_unknown", "region_other_partition"})


@dataclass(frozen=True, slots=True)
class Many:
    """done: what went well; refused: the code of what did not, by account number."""

    rollout: UUID
    done: Sequence[AccountSetup]
    refused: Mapping[str, str]


def switch_on_listing(account: UUID, *, actor: Actor, now: datetime) -> AccountSetup:
    """From now on the looking role of this account may list its organization's accounts: its template says so, and what was proven
    before has to be proven anew. Raises NotPermitted, NotFound, AlreadyMoved where it is on.
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = begin_again(account, actor=actor, now=now)
        wanted = [str(one) for one in Feature if one in {*row.features, Feature.ORGANIZATION}]
        before = AccountSetup.objects.filter(id=row.id, features=row.features)
        if wanted == row.features or not before.update(
            features=wanted, proof=[], proof_asked_at=None, proof_began_at=None, proof_ended_at=None
        ):
            raise AlreadyMoved("listing_on")
        row.refresh_from_db()
        tell("account.listing_switched_on", row, actor, now)
        return row


def ask_listing(account: UUID, *, actor: Actor, now: datetime) -> AccountSetup:
    """Ask a worker to list the organization's accounts; a list that is under way is not asked for again.

    Raises NotPermitted, NotFound, AlreadyMoved, Refused (listing_off).
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = begin_again(account, actor=actor, now=now)
        if Feature.ORGANIZATION not in row.features:
            raise Refused("listing_off", target=str(row))
        asked = AccountSetup.objects.filter(may_be_asked("listing", now), id=row.id)
        if not asked.update(listing_asked_at=now, listing_began_at=None, listing_ended_at=None):
            raise AlreadyMoved("listing_under_way")
        row.refresh_from_db()
        tell("account.listing_asked", row, actor, now)
        return row


def run_listing(
    tenant_id: UUID, setup_id: UUID, *, worker: str, clock: Callable[[], datetime]
) -> AccountSetup | None:
    """List them, once for each time it was asked for; None: another worker has it, or nobody asks. A list that fails leaves the last
    good one and says why beside it."""
    actor, began = system_actor(tenant_id, worker), clock()
    with tenant_scope(tenant_id):
        asked = AccountSetup.objects.filter(
            id=setup_id, listing_asked_at__isnull=False, listing_began_at__isnull=True
        )
        if not asked.update(listing_began_at=began):
            return None
        row: AccountSetup = AccountSetup.objects.get(id=setup_id)
    target = Target(
        tenant_id, row.account_id, row.regions[0], row.role_arn, row.external_id, read_role_arn=row.read_role_arn
    )  # fmt: skip
    said: dict[str, Any]
    try:
        members, more = list_members(target, may_go_on=lambda: clock() < began + PROOF_TRIES_FOR)
        said = {"members": [one.as_json() for one in members], "more": more, "problem": "", "detail": ""}
    except AwsError as error:
        said = row.listing | {"problem": _why(error), "detail": error.message}
    with tenant_scope(tenant_id):
        now = clock()
        same = AccountSetup.objects.filter(id=setup_id, listing_asked_at=row.listing_asked_at)
        if not same.update(listing=said, listing_ended_at=now):
            return None
        row.refresh_from_db()
        outcome = "failed" if said["problem"] else "ok"
        count = len(said.get("members", ()))
        tell("account.listing_ended", row, actor, now, outcome, problem=said["problem"], count=count)
        return row


def _why(error: AwsError) -> str:
    if "OrganizationsNotInUse" in error.code:
        return "no_organization"
    may_not = error.problem is Problem.PERMISSION and not error.action.startswith("sts:")
    return "may_not_list" if may_not else str(error.problem)


def begin_rollout(
    account: UUID,
    chosen: Sequence[str],
    *,
    regions: Sequence[str],
    features: Sequence[str],
    managed_only: bool,
    actor: Actor,
    now: datetime,
) -> Many:
    """Begin with each of these accounts (numbers) of the organization that `account` lists, as begin_setup does with one; those that
    cannot begin are named and keep none of the others back.

    Raises NotPermitted, NotFound, Refused: `bad_parameter`, `region_unknown`, `region_other_partition` with the field's name,
    `nothing_chosen`, `too_many_accounts`, `listing_off`.
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    numbers = list(dict.fromkeys(chosen))
    if not numbers:
        raise Refused("nothing_chosen")
    if len(numbers) > AT_ONCE:
        raise Refused("too_many_accounts", count=len(numbers), limit=AT_ONCE)
    if str(Feature.ORGANIZATION) in features:
        allowed = ", ".join(one for one in Feature if one is not Feature.ORGANIZATION)
        raise Refused("bad_parameter", name="features", allowed=allowed)
    with tenant_scope(actor.tenant_id):
        listed = AccountSetup.objects.filter(registered=account).order_by("-started_at", "-id").first()
    if listed is not None and Feature.ORGANIZATION not in listed.features:
        raise Refused("listing_off", target=str(listed))
    if listed is None or "members" not in listed.listing:
        raise NotFound(type="organization", id=str(account))
    known = {one.id: one for one in members_from_json(listed.listing["members"])}
    rollout, done, refused = uuid4(), [], {}
    for number in numbers:
        member = known.get(number)
        if member is None or member.state != ACTIVE:
            refused[number] = "not_in_organization" if member is None else "account_not_active"
            continue
        try:
            done.append(
                begin_setup(
                    number, member.name[:100].strip() or number, regions=regions, features=features,
                    managed_only=managed_only, rollout=rollout, actor=actor, now=now,
                )
            )  # fmt: skip
        except Refused as why:
            if why.code in OF_WHAT_WAS_SENT:
                raise
            refused[number] = why.code
    return Many(rollout, done, refused)


def ask_proofs(rollout: UUID, *, actor: Actor, now: datetime) -> Many:
    """Ask for a proof of each account of a rollout that is not in yet. Raises NotPermitted, NotFound."""
    return _each(rollout, lambda row: ask_proof(row.id, actor=actor, now=now), actor)


def take_in_proven(rollout: UUID, *, actor: Actor, now: datetime) -> Many:
    """Make those accounts known whose roles are proven; the others are named and wait. Raises NotPermitted, NotFound."""
    return _each(rollout, lambda row: take_in(row.id, actor=actor, now=now), actor)


def _each(rollout: UUID, step: Callable[[AccountSetup], object], actor: Actor) -> Many:
    """One that is refused stops none of the others: each is a transaction of its own."""
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        rows = list(AccountSetup.objects.filter(rollout=rollout).order_by("account_id"))
    if not rows:
        raise NotFound(type="rollout", id=str(rollout))
    done, refused = [], {}
    for row in rows:
        if row.closed_at is not None:
            continue
        try:
            step(row)
        except (Refused, AlreadyMoved) as why:
            refused[row.account_id] = why.code
        else:
            done.append(row)
    return Many(rollout, done, refused)
