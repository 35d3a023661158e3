"""`audit_key FILE`: make a sealing key; the file is for the sealer alone, the printed public half for everybody.

With `--approver NAME` it is a person's own key instead, for signing that the ledger goes on after a restore."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from medical_audit.domain.checkpoint import ORIGIN
from medical_audit.domain.notes import Signer
from medical_audit.domain.restoring import APPROVER


class Command(BaseCommand):
    help = (
        "Make a sealing key in FILE (must not exist) and print its public half for TOBAN_SEAL_PUBLIC_KEYS; with --approver "
        "the key of a person, for TOBAN_APPROVER_KEYS."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--approver", default="", help="a person's name, without spaces")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            signer = Signer.generate(APPROVER + options["approver"] if options["approver"] else ORIGIN)
        except ValueError as error:
            raise CommandError(str(error)) from error
        try:
            handle = os.open(options["file"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        with os.fdopen(handle, "w") as file:
            file.write(signer.seed() + "\n")
        self.stdout.write(str(signer.verifier))
