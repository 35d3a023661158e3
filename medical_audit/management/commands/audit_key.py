"""`audit_key FILE`: make a sealing key; the file is for the sealer alone, the printed public half for everybody."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from medical_audit.domain.checkpoint import ORIGIN
from medical_audit.domain.notes import Signer


class Command(BaseCommand):
    help = "Make a sealing key in FILE (must not exist) and print its public half for TOBAN_SEAL_PUBLIC_KEYS."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        signer = Signer.generate(ORIGIN)
        try:
            handle = os.open(options["file"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        with os.fdopen(handle, "w") as file:
            file.write(signer.seed() + "\n")
        self.stdout.write(str(signer.verifier))
