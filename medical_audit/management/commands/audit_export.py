"""`audit_export FILE --tenant ID [--since INSTANT] --purpose TEXT`: a bundle that bundle_verifier.py checks offline."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import Refused
from medical_audit.operations.exporting import export_bundle

REFUSALS = {
    "nothing_to_export": "it has no such events",
    "purged_meanwhile": "events went by a purge while the bundle was written. Export it again.",
}


class Command(BaseCommand):
    help = (
        "Write a tenant's ledger with its proofs into FILE (a new zip file). The export is itself recorded."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--tenant", type=UUID, required=True, help="the tenant's id")
        parser.add_argument(
            "--since",
            type=datetime.fromisoformat,
            help="from the newest seal before this instant on (with its zone)",
        )
        parser.add_argument("--purpose", required=True, help="what it is for; stands in the ledger")

    def handle(self, *args: Any, **options: Any) -> None:
        since, file = options["since"], options["file"]
        if since is not None and since.tzinfo is None:
            raise CommandError("--since needs its zone, like 2026-11-01T00:00+09:00")
        actor = system_actor(options["tenant"], f"audit_export:{os.environ.get('USER', 'unknown')}")
        part = file.with_name(f"{file.name}.part")
        try:
            with part.open("x+b") as stream:
                made = export_bundle(
                    stream, options["tenant"], settings.TOBAN_SEAL_PUBLIC_KEYS, actor=actor, now=clock.now(),
                    since=since, purpose=options["purpose"], approvers=settings.TOBAN_APPROVER_KEYS,
                )  # fmt: skip
                stream.flush()
                os.fsync(stream.fileno())
            os.link(part, file)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except Refused as error:
            raise CommandError(f"tenant {options['tenant']}: {REFUSALS[error.code]}") from error
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(f"{file}: events {made.first} to {made.last}, SHA-256 {made.sha256}")
