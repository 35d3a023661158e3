"""`found_tenant`: a new tenant with its first administrator and its first approver, who are two people.

From then on everything goes by operations: the administrator enters who else belongs to it, the approver confirms. Each of both
types a password of his own; without a terminal the passwords are read from standard input, one line each, in that order. Who has an
account already keeps his password, and types none.
"""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from accounts.operations.founding import First, found, is_known
from config.error_words import error_words
from medical_audit import clock
from medical_audit.domain.errors import DomainError


class Command(BaseCommand):
    help = "Found a tenant with its first administrator and its first approver."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="as it stands in addresses: small letters, digits, hyphens")
        parser.add_argument("name", help="as people call it")
        for who in ("administrator", "approver"):
            parser.add_argument(f"--{who}", required=True, metavar="USERNAME:NAME",
                                help="his user name and, where he has no account yet, how he is called")  # fmt: skip
        parser.add_argument("--colour", default="#2f6fde", help="of its mark on every page (#rrggbb)")
        parser.add_argument(
            "--by", required=True, help="who founds it: stands in the tenant's record for good"
        )
        parser.add_argument("--language", choices=["ja", "en"], default="ja")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"]):
            try:
                first = [self._first(options[who]) for who in ("administrator", "approver")]
                tenant = found(
                    options["slug"], options["name"], options["colour"], *first, founder=options["by"], now=clock.now()
                )  # fmt: skip
            except DomainError as error:
                words = error_words(error.code, 422, error.params)
                raise CommandError(f"{words.title} {words.cure}") from error
        self.stdout.write(f"/t/{tenant.slug}/  {tenant.name}")

    def _first(self, text: str) -> First:
        username, _, name = (part.strip() for part in text.partition(":"))
        return First(username, name, "" if is_known(username) else self._password(username))

    def _password(self, username: str) -> str:
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\n")
        typed = getpass.getpass(f"{username}: ")
        if getpass.getpass(f"{username} (2): ") != typed:
            raise CommandError(f"{username}: the two passwords differ. Nothing was founded.")
        return typed
