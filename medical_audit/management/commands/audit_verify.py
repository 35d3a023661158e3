"""`audit_verify [--json] [--tenant ID]`: exit 0 intact, 1 damaged, 2 cannot say."""

import json
import sys
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, transaction

from medical_audit.queries.verification import Verification, chains, verify


class Command(BaseCommand):
    help = "Recompute every tenant's chain of ledger events. Exit code: 0 intact, 1 damaged, 2 cannot say."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--tenant", type=UUID, help="only this tenant's chain (its id)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                tenants = [options["tenant"]] if options["tenant"] else chains()
                found = [verify(tenant_id) for tenant_id in tenants]
        except Error as error:
            self._cannot_say(str(error).strip(), as_json=options["json"])
        unknown = [str(one.tenant_id) for one in found if one.intact and not one.events]
        if unknown:
            self._cannot_say(f"no events of tenant {', '.join(unknown)}", as_json=options["json"])
        damaged = [one for one in found if not one.intact]
        if options["json"]:
            self.stdout.write(json.dumps(_report(found), ensure_ascii=False))
        else:
            for one in found:
                self.stdout.write(f"{one.tenant_id}: {one.events} events, {_verdict(one)}")
        sys.exit(1 if damaged else 0)

    def _cannot_say(self, why: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"intact": None, "error": why}))
        else:
            self.stderr.write(f"cannot say: {why}")
        sys.exit(2)


def _verdict(one: Verification) -> str:
    return "intact" if one.damage is None else f"DAMAGED ({one.damage.kind} at {one.damage.seq})"


def _report(found: list[Verification]) -> dict[str, Any]:
    return {
        "intact": all(one.intact for one in found),
        "events": sum(one.events for one in found),
        "tenants": [
            {
                "tenant": str(one.tenant_id),
                "events": one.events,
                "intact": one.intact,
                "damage": None
                if one.damage is None
                else {"kind": one.damage.kind, "seq": one.damage.seq, "event": one.damage.event_id},
            }
            for one in found
        ],
    }
