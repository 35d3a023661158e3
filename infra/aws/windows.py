"""Read the SSM maintenance windows of one account and region."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infra.aws.gateway import Call, current
from infra.aws.sessions import SSM
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.maintenance import SsmWindow

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient
    from mypy_boto3_ssm.type_defs import (
        DescribeMaintenanceWindowsResultTypeDef,
        MaintenanceWindowIdentityTypeDef,
    )

PAGE_SIZE = 100  # the most that SSM gives
PAGES_MOST = 10


def list_windows(target: Target) -> list[SsmWindow]:
    """Give all maintenance windows. Raises AwsError, also for more of them than PAGES_MOST pages hold."""

    def send(ssm: SSMClient, token: str) -> DescribeMaintenanceWindowsResultTypeDef:
        params: dict[str, Any] = {"MaxResults": PAGE_SIZE}
        if token:
            params["NextToken"] = token
        return ssm.describe_maintenance_windows(**params)

    call = Call(SSM, target, "DescribeMaintenanceWindows", "WindowIdentities")
    found: list[SsmWindow] = []
    for number, answer in enumerate(current().pages(call, send), start=1):
        found += [_window(raw) for raw in answer["WindowIdentities"]]
        if number == PAGES_MOST and answer.get("NextToken"):
            raise AwsError(
                Problem.OTHER, action=call.full, code="TooManyWindows",
                message=f"there are more than {PAGE_SIZE * PAGES_MOST} maintenance windows",
            )  # fmt: skip
    return found


def _window(raw: MaintenanceWindowIdentityTypeDef) -> SsmWindow:
    return SsmWindow(
        id=raw.get("WindowId", ""),
        name=raw.get("Name", ""),
        enabled=raw.get("Enabled", False),
        duration_hours=raw.get("Duration", 0),
        next_at=_instant(raw.get("NextExecutionTime", "")),
    )


def _instant(text: str) -> datetime | None:
    """AWS writes the time with its offset, "2026-12-06T02:00+09:00"; what is no instant is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None
