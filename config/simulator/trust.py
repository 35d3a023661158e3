"""Whom an account lets in: the trust policy of its role, which moto never looks at."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

from config.simulator.identify import Call


@dataclass(frozen=True, slots=True)
class Trusted:
    """An account's role: who asks for another role, or without the right ExternalId, is refused."""

    account_id: str
    role_arn: str | None = None
    external_id: str | None = None
    refuse: bool = False


class Trust:
    """Registered accounts. Others are let in (moto's way) unless `strict` is set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accounts: dict[str, Trusted] = {}
        self.strict = False

    def register(self, account: Trusted) -> None:
        """Adds an account or replaces what was known of it."""
        with self._lock:
            self._accounts[account.account_id] = account

    def forget(self, account_id: str) -> None:
        """Takes an account out."""
        with self._lock:
            self._accounts.pop(account_id, None)

    def accounts(self) -> list[dict[str, Any]]:
        """What is registered, by account id."""
        with self._lock:
            return [asdict(one) for _, one in sorted(self._accounts.items())]

    def objection(self, call: Call) -> str | None:
        """AWS's sentence if this AssumeRole is to be denied, None to let it pass."""
        asked = call.params.get("RoleArn", "")
        with self._lock:
            known = self._accounts.get(call.account)
        if known is None:
            welcome = not self.strict
        else:
            welcome = (
                not known.refuse
                and known.role_arn in (None, asked)
                and (known.external_id is None or call.params.get("ExternalId") == known.external_id)
            )
        if welcome:
            return None
        return (
            "User: arn:aws:iam::123456789012:user/toban is not authorized to perform: sts:AssumeRole "
            f"on resource: {asked}"
        )
