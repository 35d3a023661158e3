"""`audit_verify [--json] [--tenant ID] [--received FILE] [--bundle FILE]`: exit 0 intact, 1 damaged, 2 cannot say."""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, transaction

from medical_audit import anchors
from medical_audit.anchors.received import ReceivedAnchor
from medical_audit.domain import bundle_verifier
from medical_audit.domain.anchoring import AnchorError
from medical_audit.domain.burying import Tombstone
from medical_audit.domain.canonical import utc_text
from medical_audit.queries.received import Received, verify_received
from medical_audit.queries.sealed import Report, Seals, verify_ledger
from medical_audit.queries.verification import Damage, Verification, chains

NO_KEYS = (
    "TOBAN_SEAL_PUBLIC_KEYS is empty, so no seal can be checked. Set it to the public half of the sealing key, as `audit_key` printed it "
    "(docs/ledger.md)"
)


class Command(BaseCommand):
    help = (
        "Recompute every tenant's chain of ledger events and hold it against its seals and their copies outside of the "
        "database. Exit code: 0 intact, 1 damaged, 2 cannot say."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--tenant", type=UUID, help="only this tenant's chain (its id)")
        parser.add_argument(
            "--received",
            type=Path,
            help="compare also with what a receiver of the stream kept: its messages, one a line",
        )
        parser.add_argument(
            "--bundle", help="check this bundle instead of the database, by the settings' public keys"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.TOBAN_SEAL_PUBLIC_KEYS:
            self._cannot_say(NO_KEYS, as_json=options["json"])
        if options["bundle"]:
            self._bundle(options["bundle"], as_json=options["json"])
        try:
            with transaction.atomic():
                tenants = [options["tenant"]] if options["tenant"] else chains()
            kept = ReceivedAnchor(options["received"]) if options["received"] else None
            report = verify_ledger(
                tenants,
                settings.TOBAN_SEAL_PUBLIC_KEYS,
                [*anchors.configured(), *([kept] if kept else [])],
                approvers=settings.TOBAN_APPROVER_KEYS,
                tsa_ca_file=settings.TOBAN_TSA_CA_FILE,
            )
            received = (
                verify_received(kept.claims(), settings.TOBAN_SEAL_PUBLIC_KEYS, report.seals.restores)
                if kept
                else None
            )
        except (Error, AnchorError) as error:
            self._cannot_say(str(error).strip(), as_json=options["json"])
        unknown = [str(one.tenant_id) for one in report.chains if one.intact and not one.events]
        if unknown and report.intact:
            self._cannot_say(f"no events of tenant {', '.join(unknown)}", as_json=options["json"])
        intact = report.intact and (received is None or received.damage is None)
        self._say(report, received, as_json=options["json"])
        if intact and report.seals.cannot_say:
            if not options["json"]:
                self.stderr.write(f"cannot say: {report.seals.cannot_say}")
            sys.exit(2)
        sys.exit(0 if intact else 1)

    def _say(self, report: Report, received: Received | None, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(_report(report, received), ensure_ascii=False))
            return
        for one in report.chains:
            lost = "".join(
                f", restored ({words['first']} to {words['last']} lost)"
                for words in _lost(report.seals, one.tenant_id)
            )
            gone = f", 1 to {one.gone[-1].last} gone by {len(one.gone)} tombstones" if one.gone else ""
            self.stdout.write(f"{one.tenant_id}: {one.events} events, {_verdict(one.damage)}{lost}{gone}")
        if not report.platform.intact and report.platform not in report.chains:
            self.stdout.write(f"the platform's own chain: {_verdict(report.platform.damage)}")
        if report.seals.number or not report.seals.intact:
            self.stdout.write(f"seals: {report.seals.number}, {_verdict(report.seals.damage)}")
        for anchor in report.seals.anchors:
            self.stdout.write(f"anchor {anchor.name}: {anchor.problem or f'up to seal {anchor.number}'}")
        stamps = report.seals.stamps
        if stamps.count and stamps.at is not None:
            said = f"NOT CHECKED ({stamps.problem})" if stamps.problem else _verdict(stamps.damage)
            self.stdout.write(f"stamps: {stamps.count}, the newest of {utc_text(stamps.at)}, {said}")
        if received is not None:
            tenant = f" of {received.tenant_id}" if received.tenant_id else ""
            unlisted = f", {received.unlisted} lost that no seal had covered" if received.unlisted else ""
            self.stdout.write(
                f"received: {received.events} events, {_verdict(received.damage)}{tenant}{unlisted}"
            )

    def _bundle(self, file: str, *, as_json: bool) -> None:
        keys = [str(key) for key in (*settings.TOBAN_SEAL_PUBLIC_KEYS, *settings.TOBAN_APPROVER_KEYS)]
        more = ["--json"] if as_json else []
        if settings.TOBAN_TSA_CA_FILE:
            more.append(f"--tsa-ca={settings.TOBAN_TSA_CA_FILE}")
        sys.exit(bundle_verifier.main([file, *more, *(f"--key={key}" for key in keys)]))

    def _cannot_say(self, why: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"intact": None, "error": why}))
        else:
            self.stderr.write(f"cannot say: {why}")
        sys.exit(2)


def _verdict(damage: Damage | None) -> str:
    return "intact" if damage is None else f"DAMAGED ({damage.kind} at {damage.seq})"


def _report(report: Report, received: Received | None) -> dict[str, Any]:
    intact = report.intact and (received is None or received.damage is None)
    return {
        "intact": None if intact and report.seals.cannot_say else intact,
        "doubt": (intact and report.seals.cannot_say) or None,
        "events": sum(one.events for one in report.chains),
        "tenants": [_chain(one, report.seals) for one in report.chains],
        "platform": {"intact": report.platform.intact, "damage": _damage(report.platform.damage)},
        "seals": _seals(report.seals),
        "received": None if received is None else _received(received),
    }


def _received(found: Received) -> dict[str, Any]:
    tenant = str(found.tenant_id) if found.tenant_id else None
    return {
        "events": found.events,
        "lost": found.lost,
        "unlisted": found.unlisted,
        "tenant": tenant,
        "damage": _damage(found.damage),
    }


def _chain(one: Verification, found: Seals) -> dict[str, Any]:
    return {
        "tenant": str(one.tenant_id),
        "events": one.events,
        "sealed": one.sealed,
        "lost": _lost(found, one.tenant_id),
        "gone": [_gone(stone) for stone in one.gone],
        "intact": one.intact,
        "damage": _damage(one.damage),
    }


def _gone(stone: Tombstone) -> dict[str, Any]:
    """What went by a tombstone that holds."""
    return {
        "first": stone.first,
        "last": stone.last,
        "until": utc_text(stone.until),
        "at": utc_text(stone.at),
        "operation": str(stone.operation),
        "entered": stone.entered,
        "confirmed": stone.confirmed,
    }


def _lost(found: Seals, tenant_id: UUID) -> list[dict[str, int]]:
    """What this tenant lost by restores that two people signed."""
    return [
        {"epoch": one.statement.epoch, "first": loss.first, "last": loss.last}
        for one in found.restores
        if (loss := one.lost.get(tenant_id)) is not None
    ]


def _seals(found: Seals) -> dict[str, Any]:
    return {
        "newest": found.number,
        "at": None if found.at is None else utc_text(found.at),
        "damage": _damage(found.damage),
        "silences": [
            {"seal": gap.number, "from": utc_text(gap.begin), "to": utc_text(gap.end)} for gap in found.gaps
        ],
        "restores": [
            {
                "epoch": one.statement.epoch,
                "from": one.statement.old,
                "to": one.statement.new,
                "at": utc_text(one.statement.at),
                "approvers": list(one.approvers),
                "reason": one.statement.reason,
            }
            for one in found.restores
        ],
        "guarded_by_the_database": found.guarded,
        "anchors": [
            {"name": one.name, "newest": one.number, "problem": one.problem or None} for one in found.anchors
        ],
        "stamps": {
            "count": found.stamps.count,
            "newest": found.stamps.number,
            "at": None if found.stamps.at is None else utc_text(found.stamps.at),
            "not_checked": found.stamps.problem or None,
        },
    }


def _damage(damage: Damage | None) -> dict[str, Any] | None:
    if damage is None:
        return None
    named = {"operation": damage.operation} if damage.operation else {}
    return {"kind": damage.kind, "seq": damage.seq, "event": damage.event_id, **named}
