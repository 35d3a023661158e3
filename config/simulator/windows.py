"""SSM maintenance windows with their next execution, in pages (moto: neither)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.responses import SimpleSystemManagerResponse

from config.simulator.model import Window
from config.simulator.world import World

_LARGEST = 100


def _identity(window: Window) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "WindowId": window.id, "Name": window.name, "Enabled": window.enabled, "Duration": window.duration_hours,
        "Cutoff": 1, "Schedule": "rate(7 days)",
    }  # fmt: skip
    if window.next_at is not None:
        shown["NextExecutionTime"] = f"{window.next_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
    return shown


def install(world: World) -> None:
    """Puts the planted windows beside those that moto was told of."""

    def describe_maintenance_windows(self: Any) -> ActionResult:
        planted = world.windows.get((self.current_account, self.region), {})
        windows = [one.to_json() for one in self.ssm_backend.describe_maintenance_windows(None)]
        windows += [_identity(one) for one in planted.values()]
        start = int(self._get_param("NextToken") or 0)
        size = int(self._get_param("MaxResults") or _LARGEST)
        answer: dict[str, Any] = {"WindowIdentities": windows[start : start + size]}
        if start + size < len(windows):
            answer["NextToken"] = str(start + size)
        return ActionResult(answer)

    patched: Any = SimpleSystemManagerResponse
    patched.describe_maintenance_windows = describe_maintenance_windows
