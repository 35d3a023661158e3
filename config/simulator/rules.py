"""Rules of security groups keep their description, whatever they let in (moto: only with an address)."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule


def _description(rule: Any) -> str | None:
    found: str | None = rule.ip_range.get("Description") or rule.source_group.get("Description")
    return found


def install() -> None:
    """Puts the description of a rule for a group into moto's answers."""
    patched: Any = SecurityGroupRule
    patched.description = property(_description)
