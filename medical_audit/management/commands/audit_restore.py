"""`audit_restore propose|sign|accept FILE`: let the ledger go on behind a restore from backup, as two people sign it."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from medical_audit import anchors, clock
from medical_audit.domain.actor import NO_TENANT, system_actor
from medical_audit.domain.anchoring import AnchorError
from medical_audit.domain.notes import BadNote, Signer
from medical_audit.domain.restoring import APPROVER, APPROVERS, Loss, Restore
from medical_audit.operations import restoring

CURES = {
    "reason_missing": "say why it was restored: --reason",
    "reason_too_long": "the reason is too long",
    "no_anchor": "no anchor holds a seal (TOBAN_ANCHOR_FILE, TOBAN_ANCHOR_BUCKET), so nobody can say what was lost",
    "nothing_lost": "the database holds every seal that the anchors hold: there is nothing to go on behind",
    "restored_to_another_past": "the newest seal in the database is not the one that the anchor holds: this is no backup of ours",
    "restore_outdated": "the anchors or the database say something else by now: propose it again and let both sign again",
}


class Command(BaseCommand):
    help = (
        "After a restore from backup the sealer refuses to go on. `propose FILE --reason WHY` writes what was lost; two people "
        "sign it, each with a key of his own (`audit_key --approver NAME`): `sign FILE --name NAME --key KEYFILE`; "
        "`accept FILE` lets the ledger go on. All three say what they do."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("step", choices=("propose", "sign", "accept"))
        parser.add_argument("file", type=Path)
        parser.add_argument("--reason", default="", help="propose: why it was restored; stands in the ledger")
        parser.add_argument("--name", default="", help="sign: the name that the key was made for")
        parser.add_argument("--key", type=Path, help="sign: the file with your own key")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['step']}")(options)
        except restoring.RestoreRefused as refused:
            raise CommandError(CURES[refused.code]) from refused
        except (AnchorError, BadNote, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _propose(self, options: dict[str, Any]) -> None:
        statement, losses = restoring.propose(
            settings.TOBAN_SEAL_PUBLIC_KEYS, anchors.configured(), reason=options["reason"], now=clock.now()
        )
        lost = [[str(one.tenant_id), one.first, one.last] for one in losses]
        with options["file"].open("x", encoding="utf-8") as file:
            json.dump({"statement": statement.text(), "lost": lost, "signatures": []}, file, indent=1)
        self._tell(statement, losses)
        self.stdout.write(f"Let {APPROVERS} people read and sign {options['file']}.")

    def _sign(self, options: dict[str, Any]) -> None:
        if not options["name"] or options["key"] is None:
            raise CommandError("sign needs --name and --key")
        content = json.loads(options["file"].read_text(encoding="utf-8"))
        statement = Restore.parse(content["statement"])
        losses = [Loss(UUID(tenant), int(first), int(last)) for tenant, first, last in content["lost"]]
        if not statement.is_over(losses):
            raise CommandError(
                f"{options['file']}: the losses listed are not those of the statement. Do not sign it."
            )
        signer = Signer.from_text(APPROVER + options["name"], options["key"].read_text(encoding="ascii"))
        signature = signer.sign(content["statement"]).rpartition("\n\n")[2]
        content["signatures"] = [*(one for one in content["signatures"] if one != signature), signature]
        options["file"].write_text(json.dumps(content, indent=1), encoding="utf-8")
        self._tell(statement, losses)
        self.stdout.write(f"Signed by {options['name']}: {len(content['signatures'])} of {APPROVERS}.")

    def _accept(self, options: dict[str, Any]) -> None:
        content = json.loads(options["file"].read_text(encoding="utf-8"))
        note = content["statement"] + "\n" + "".join(content["signatures"])
        statement, names = restoring.accept(
            note,
            settings.TOBAN_SEAL_PUBLIC_KEYS,
            anchors.configured(),
            settings.TOBAN_APPROVER_KEYS,
            actor=system_actor(NO_TENANT, f"audit_restore:{os.environ.get('USER', 'unknown')}"),
            now=clock.now(),
        )
        self.stdout.write(f"Accepted, signed by {', '.join(names)}. The next seal is {statement.old + 1}.")

    def _tell(self, statement: Restore, losses: Any) -> None:
        self.stdout.write(
            f"The ledger had been sealed up to {statement.old} and goes on behind seal {statement.new}. Reason: {statement.reason}"
        )
        for one in losses:
            self.stdout.write(f"lost: events {one.first} to {one.last} of tenant {one.tenant_id}")
        if not losses:
            self.stdout.write("No event is lost, only seals.")
