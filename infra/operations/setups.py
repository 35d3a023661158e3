"""Taking an AWS account in: what Toban is to do there, the ExternalId it makes, the proof of the roles, and the entry."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError

from accounts.domain.permissions import Permission
from infra.aws import proving
from infra.domain.aws import Target
from infra.domain.features import counting, regions_counting
from infra.domain.onboarding import SUPPOSED, AccountRole, Feature, role_arn
from infra.domain.proofs import check_from_json, proven
from infra.models import AccountSetup, AccountTrust, AwsAccount, Region
from infra.models.account import Looking
from infra.operations.onboarding import check_account, register_account
from infra.queries.accounts import PROOF_TRIES_FOR, may_be_asked
from infra.queries.regions import chosen_regions
from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.errors import AlreadyMoved, NotFound, Refused
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

#: A proof speaks of the roles as they stood; later than this it has to be made again before the account comes in.
PROOF_HOLDS = timedelta(hours=1)


def begin_setup(
    account_id: str,
    name: str,
    *,
    regions: Sequence[str],
    features: Sequence[str],
    managed_only: bool,
    rollout: UUID | None = None,
    actor: Actor,
    now: datetime,
) -> AccountSetup:
    """Begin with one account: makes its ExternalId, 128 random bits that nobody chooses. rollout: those that
    are begun together.

    Raises NotPermitted, Refused: `bad_parameter`, `region_unknown`, `region_other_partition` with the field's name, `account_taken`,
    `setup_open` when this tenant is at it already.
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    external_id = secrets.token_hex(16)
    arns = {role: role_arn(account_id, role) for role in AccountRole}
    check_account(account_id, name, [*arns.values()], external_id, regions)
    wanted = read_features(features)
    try:
        with tenant_scope(actor.tenant_id):
            if AwsAccount.objects.filter(account_id=account_id).exists():
                raise Refused("account_taken", name="account_id", account_id=account_id)
            row: AccountSetup = AccountSetup.objects.create(
                tenant_id=actor.tenant_id, account_id=account_id, name=name.strip(), regions=list(regions),
                features=wanted, managed_only=managed_only, role_arn=arns[AccountRole.OPERATE],
                read_role_arn=arns[AccountRole.READ], external_id=external_id, rollout=rollout,
                started_by_id=actor.id, started_by_name=actor.name, started_at=now,
            )  # fmt: skip
            tell("account.setup_begun", row, actor, now)
            return row
    except IntegrityError as error:
        if "setup_open_once" in str(error):
            raise Refused("setup_open", account_id=account_id) from error
        raise


def begin_again(account: UUID, *, actor: Actor, now: datetime) -> AccountSetup:
    """Open the proof of an account that is in already, with its own roles and ExternalId. Raises NotPermitted, NotFound."""
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        trust = AccountTrust.objects.filter(account_id=account).select_related("account").first()
        if trust is None:
            raise NotFound(type="account", id=str(account))
        last: AccountSetup | None = (
            AccountSetup.objects.filter(registered=trust.account).order_by("-started_at", "-id").first()
        )
        if last is not None:
            return last
        supposed = [str(one) for one in SUPPOSED]
        made: AccountSetup = AccountSetup.objects.create(
            tenant_id=actor.tenant_id, registered=trust.account, account_id=trust.account.account_id,
            name=trust.account.name, regions=chosen_regions(trust.account_id),
            features=supposed, in_force=supposed, role_arn=trust.role_arn,
            read_role_arn=trust.read_role_arn or trust.role_arn, external_id=trust.external_id, started_by_id=actor.id,
            started_by_name=actor.name, started_at=now, closed_at=now,
        )  # fmt: skip
        return made


def ask_proof(setup_id: UUID, *, actor: Actor, now: datetime) -> AccountSetup:
    """Ask a worker to try the roles; one that is under way is not asked again. Raises NotPermitted, NotFound, AlreadyMoved."""
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        idle = may_be_asked("proof", now)
        asked = AccountSetup.objects.filter(
            idle, id=setup_id, closed_at__isnull=True
        ) | AccountSetup.objects.filter(idle, id=setup_id, registered__isnull=False)
        if not asked.update(proof_asked_at=now, proof_began_at=None, proof_ended_at=None, proof=[]):
            _get(setup_id)
            raise AlreadyMoved("proof_under_way")
        row = _get(setup_id)
        tell("account.proof_asked", row, actor, now)
        return row


def run_proof(
    tenant_id: UUID, setup_id: UUID, *, worker: str, clock: Callable[[], datetime]
) -> AccountSetup | None:
    """Try the roles of one setup, once for each time it was asked for; None: another worker has it, or nobody asks.

    The calls are made outside any transaction; what came of them is kept only while nobody asked anew.
    """
    actor, began = system_actor(tenant_id, worker), clock()
    with tenant_scope(tenant_id):
        mine = AccountSetup.objects.filter(
            id=setup_id, proof_asked_at__isnull=False, proof_began_at__isnull=True
        )
        if not mine.update(proof_began_at=began):
            return None
        row = _get(setup_id)
    target = Target(
        tenant_id,
        row.account_id,
        row.regions[0],
        row.role_arn,
        row.external_id,
        read_role_arn=row.read_role_arn,
        managed_only=row.managed_only,
    )
    wanted = [Feature(one) for one in row.features]
    checks = proving.prove(target, row.regions, wanted, may_go_on=lambda: clock() < began + PROOF_TRIES_FOR)
    # A proof lets more count and never less: what AWS refuses fails by itself, and a moment's refusal stops nothing.
    counts = {*row.in_force, *counting(checks, wanted)}
    in_force = [one for one in row.features if one in counts]
    with tenant_scope(tenant_id):
        now = clock()
        same = AccountSetup.objects.filter(id=setup_id, proof_asked_at=row.proof_asked_at)
        if not same.update(proof=[one.as_json() for one in checks], in_force=in_force, proof_ended_at=now):
            return None
        row = _get(setup_id)
        proven_here = regions_counting(checks, row.regions)
        waiting = Region.objects.filter(account=row.registered_id, looking=Looking.WAITS)
        waiting.filter(name__in=proven_here).update(looking=Looking.ON, inventory_tried_at=None)
        failed = [f"{one.code} {one.role} {one.subject}".strip() for one in checks if one.status == "failed"]
        tell("account.proof_ended", row, actor, now, "ok" if proven(checks) else "failed", failed=failed)
        return row


def take_in(setup_id: UUID, *, actor: Actor, now: datetime) -> AwsAccount:
    """Make the proven account known: it is looked at from now on, and nothing in it is changed, by hand neither, before its automation is
    switched on by a confirmed operation (infra.operations.observing).

    Raises NotPermitted, NotFound, AlreadyMoved, Refused (`not_proven`, `proof_too_old`, `account_taken`).
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = AccountSetup.objects.select_for_update(of=("self",)).filter(id=setup_id).first()
        if row is None:
            raise NotFound(type="setup", id=str(setup_id))
        if row.closed_at is not None:
            raise AlreadyMoved("setup_closed")
        if row.proof_ended_at is None or not proven([check_from_json(one) for one in row.proof]):
            raise Refused("not_proven", target=str(row))
        if now - row.proof_ended_at > PROOF_HOLDS:
            raise Refused("proof_too_old", target=str(row))
        account = register_account(
            row.account_id, row.name, role_arn=row.role_arn, read_role_arn=row.read_role_arn,
            external_id=row.external_id, regions=row.regions, actor=actor, now=now,
        )  # fmt: skip
        row.registered, row.closed_at = account, now
        row.save(update_fields=["registered", "closed_at"])
        return account


def give_up(setup_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Close a setup that is not to be finished; its ExternalId is never used again. Raises NotPermitted, NotFound, AlreadyMoved."""
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        if not AccountSetup.objects.filter(id=setup_id, closed_at__isnull=True).update(closed_at=now):
            _get(setup_id)
            raise AlreadyMoved("setup_closed")
        tell("account.setup_given_up", _get(setup_id), actor, now)


def read_features(wanted: Sequence[str]) -> list[str]:
    """In their own order. Raises Refused (bad_parameter): unknown, twice, or none."""
    known = [str(one) for one in Feature if str(one) in wanted]
    if not known or len(known) != len(set(wanted)):
        raise Refused("bad_parameter", name="features", allowed=", ".join(Feature))
    return known


def _get(setup_id: UUID) -> AccountSetup:
    row: AccountSetup | None = AccountSetup.objects.filter(id=setup_id).first()
    if row is None:
        raise NotFound(type="setup", id=str(setup_id))
    return row


def tell(
    kind: str, row: AccountSetup, actor: Actor, now: datetime, outcome: str = "ok", **detail: object
) -> None:
    """Record a step of a setup, without its ExternalId."""
    record(
        kind, actor=actor, subject=Subject("account_setup", str(row.id), str(row)), now=now, outcome=outcome,
        detail={"account_id": row.account_id, "regions": row.regions, "features": row.features, **detail},
    )  # fmt: skip
