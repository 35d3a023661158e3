"""Which features of an account count now, and where nothing of a kind of operation can be entered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from infra.domain.features import is_offered
from infra.models import AccountSetup, AwsAccount
from infra.queries.regions import left_places

OBSERVED, LEFT, OFF = "only_observed", "region_off", "feature_off"


@dataclass(frozen=True, slots=True)
class Places:
    """What holds in every account and region of the tenant, asked once for a whole page."""

    in_force: Mapping[str, frozenset[str]]
    left: frozenset[tuple[UUID, str]]

    def refusal(self, account: AwsAccount, region: str, kind: str) -> str:
        """Why nothing of a kind can be entered there (a code), or ""."""
        if account.only_observed:
            return OBSERVED
        if (account.id, region) in self.left:
            return LEFT
        return "" if is_offered(kind, self.in_force.get(account.account_id)) else OFF


def places() -> Places:
    """Needs the tenant bound."""
    return Places(features_in_force(None), left_places())


def newest_setups(numbers: Iterable[str] | None) -> QuerySet[AccountSetup]:
    """The row that holds, of each of these accounts (12 digits; None: of all) for which somebody chose or proved something. Needs the
    tenant bound."""
    rows = AccountSetup.objects.filter(registered__isnull=False)
    if numbers is not None:
        rows = rows.filter(registered__account_id__in=set(numbers))
    found: QuerySet[AccountSetup] = rows.order_by("registered_id", "-started_at", "-id").distinct(
        "registered_id"
    )
    return found


def features_in_force(numbers: Iterable[str] | None) -> Mapping[str, frozenset[str]]:
    """By account (12 digits); one for which nobody chose anything is missing, and does whatever its role may. Needs the tenant bound."""
    found = newest_setups(numbers).values_list("registered__account_id", "in_force")
    return {number: frozenset(features) for number, features in found}


def is_off(number: str, kind: str) -> bool:
    """Whether no feature that a kind of operation is for is in force in an account (12 digits). Needs the tenant bound."""
    return not is_offered(kind, features_in_force([number]).get(number))
