"""What proves that the roles of an account are right: each thing that was tried, and what all of it comes to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from infra.domain.onboarding import AccountRole

#: What proves that a role lets in Toban and nobody else: each must have been tried and have passed, in both roles.
DOOR = frozenset({"no_id", "wrong_id", "right_id", "right_account"})

#: What says of a region, and of no right, that it or the rest of it was not tried.
OF_REGIONS = frozenset({"region_off", "rest_untried", "out_of_time"})

#: How the code of a check begins that says which policy besides the role's own refuses a right.
DENIED = "denied_"


class Status(StrEnum):
    """How one check ended. UNTRIED: AWS offers no way to try it, or there is nothing to try it on."""

    PASSED = "passed"
    FAILED = "failed"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. code: which sentence; subject: the action or region; missing: the action to allow."""

    code: str
    role: AccountRole
    status: Status
    subject: str = ""
    message: str = ""
    missing: str = ""

    def as_json(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}


def check_from_json(kept: Mapping[str, str]) -> Check:
    """Read back what `as_json` wrote."""
    return Check(
        kept["code"], AccountRole(kept["role"]), Status(kept["status"]), kept["subject"], kept["message"], kept["missing"]
    )  # fmt: skip


def proven(checks: Sequence[Check]) -> bool:
    """Nothing failed, everything at the door of both roles was tried and passed, and every look was answered: what else could not be tried
    stands in nobody's way."""
    passed = {(one.role, one.code) for one in checks if one.status is Status.PASSED}
    door = {(role, code) for role in AccountRole for code in DOOR}
    open_ = any(one.code == "not_answered" and one.role is AccountRole.READ for one in checks)
    return door <= passed and not open_ and all(one.status is not Status.FAILED for one in checks)
