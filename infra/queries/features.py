"""What Toban does in an account that is in: which features count, which wait for a proof, and which rights are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.domain.features import Lack, lacking
from infra.domain.onboarding import SUPPOSED, AccountRole, Feature, missing_statements
from infra.domain.proofs import Check, check_from_json
from infra.models import AccountSetup, AwsAccount
from infra.queries.accounts import is_awaited
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import State
from medical_audit.models import Operation

KIND = "account.features"


@dataclass(frozen=True, slots=True)
class FeatureLine:
    """state: on, waits (decided, and used once its rights are proven) or off; missing: how many rights the last proof did not find."""

    feature: Feature
    state: str
    missing: int


@dataclass(frozen=True, slots=True)
class Missing:
    """One right that the last proof did not find, which features need it, and the statements that give it: none where another policy
    than the role's own refuses it (`denied`, what was tried)."""

    role: AccountRole
    action: str
    refused: bool
    denied: Check | None
    features: Sequence[Feature]
    statements: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SeenFeatures:
    """`setup` None: it came in without anybody choosing, and was never proven; `waiting`: a change that waits for its confirmation."""

    account: AwsAccount
    setup: AccountSetup | None
    lines: Sequence[FeatureLine]
    missing: Sequence[Missing]
    waiting: Operation | None

    @property
    def unproven(self) -> bool:
        return self.setup is None or self.setup.proof_ended_at is None

    @property
    def waits(self) -> list[FeatureLine]:
        return [one for one in self.lines if one.state == "waits"]

    @property
    def chosen(self) -> list[str]:
        return [str(one.feature) for one in self.lines if one.state != "off"]

    @property
    def version(self) -> str:
        """Changes with each decision and with what a proof found."""
        return f"{self.setup.id}:{self.setup.features}:{self.setup.in_force}" if self.setup else "none"


def get_features(pk: UUID, *, actor: Actor) -> SeenFeatures:
    """Raises NotFound, then NotPermitted."""
    account = AwsAccount.objects.filter(id=pk).first()
    if account is None:
        raise NotFound(type="account", id=str(pk))
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    return features_of(account)


def features_of(account: AwsAccount) -> SeenFeatures:
    """The same for an account that the caller may see. Needs the tenant bound."""
    row: AccountSetup | None = (
        AccountSetup.objects.filter(registered=account).order_by("-started_at", "-id").first()
    )
    waiting = Operation.objects.filter(kind=KIND, state=State.ENTERED, target_id=str(account.id)).first()
    wanted = [Feature(one) for one in row.features] if row else []
    proven = row is not None and row.proof_ended_at is not None
    short = lacking([check_from_json(one) for one in row.proof], wanted) if row is not None and proven else []
    lines = [
        FeatureLine(one, _state(row, one), sum(1 for lack in short if lack.feature is one)) for one in Feature
    ]
    return SeenFeatures(account, row, lines, _grouped(short, row) if row is not None else [], waiting)


def _state(row: AccountSetup | None, feature: Feature) -> str:
    if row is None or feature not in row.features:
        return "off" if row else "unknown"
    return "on" if feature in row.in_force else "waits"


def _grouped(short: Sequence[Lack], row: AccountSetup) -> list[Missing]:
    wanted = [Feature(one) for one in row.features]
    found: dict[tuple[AccountRole, str], list[Lack]] = {}
    for one in short:
        found.setdefault((one.role, one.action), []).append(one)
    return [
        Missing(
            role, action, lacks[0].refused, lacks[0].denied, [one.feature for one in lacks],
            () if lacks[0].denied
            else missing_statements(action, role, row.account_id, wanted, managed_only=row.managed_only),
        )
        for (role, action), lacks in found.items()
    ]  # fmt: skip


def keys_doubt(account_id: str, now: datetime) -> str:
    """Why nobody knows that an encrypted volume of an account (12 digits) could be brought back (a code), or "": its last proof never asked
    about the rights on its key, because its template is older, or it was lost, or a proof is under way. Never of an account for which
    nobody chose or tried anything. Needs the tenant bound."""
    rows = list(AccountSetup.objects.filter(registered__account_id=account_id).order_by("started_at", "id"))
    if _only_supposed(rows):
        return ""
    row = rows[-1]
    short = lacking([check_from_json(one) for one in row.proof], [Feature.LEFTOVERS])
    if not any(one.action.startswith("kms:") for one in short):
        return ""
    awaited = is_awaited(row.proof_asked_at, row.proof_began_at, row.proof_ended_at, now)
    return "proof_under_way" if awaited else "key_rights_unproven"


def _only_supposed(rows: Sequence[AccountSetup]) -> bool:
    """Whether all that is known of an account is what it was supposed to do when it was in already (begin_again): made known by a command,
    it was never tried, and nobody chose. What came in by a setup was tried; a choice of features leaves a row with others, and so does that
    it lists its organization."""
    return not rows or (
        rows[0].started_at == rows[0].closed_at
        and all(
            one.proof_asked_at is None and not one.managed_only and one.features == [*SUPPOSED]
            for one in rows
        )
    )
