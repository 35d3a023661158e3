"""`planning_import`: a YAML file of schedules, calendar and assignments compared with a tenant, and entered.

Everything is entered in the name of the person given, with the rights he has, and waits for another person's
confirmation. Exit code 0: done, or no difference. 1: the file cannot be taken. 2: --dry-run found a difference.
"""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from accounts.models import User
from accounts.queries.people import actor_in, get_tenant
from config.saying.planning import file_problem, import_state, import_step, import_why
from config.saying.schedules import difference_words
from infra.domain.planning_file import read_planning
from infra.domain.yaml_tree import BYTES_MAX, BadFile
from infra.operations import planning
from medical_audit import clock
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import DomainError, NotFound, NotPermitted
from medical_audit.tenancy import platform_scope, tenant_scope


class Command(BaseCommand):
    help = "Compare a YAML file with a tenant's schedules, calendar and assignments, and enter what differs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file, or - for standard input")
        parser.add_argument("--tenant", required=True, help="the tenant's slug, as in its addresses")
        parser.add_argument("--as", dest="username", required=True, help="who enters it: his user name")
        parser.add_argument(
            "--reason", default="", help="why; it stands with every operation (not with --dry-run)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be entered")
        parser.add_argument("--remove", action="store_true",
                            help="also take away company days and assignments that the file does not name")  # fmt: skip
        parser.add_argument("--language", choices=["ja", "en"], default="ja")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"]):
            self._handle(options)

    def _handle(self, options: dict[str, Any]) -> None:
        dry = options["dry_run"]
        if not dry and not options["reason"].strip():
            raise CommandError('Say why with --reason "...", or only look with --dry-run.')
        actor = _actor(options["tenant"], options["username"])
        more = {"remove": options["remove"], "actor": actor, "now": clock.now(), "local": settings.LOCAL}
        try:
            file = read_planning(_read(options["file"]))
            steps = (
                planning.compare(file, **more)
                if dry
                else planning.enter_all(file, reason=options["reason"], **more)
            )
        except BadFile as bad:
            for one in bad.problems:
                self.stderr.write(f"{options['file']}:{one.line}: {one.field or '-'}: {file_problem(one)}")
            sys.exit(1)
        except NotPermitted as error:
            raise CommandError(
                f"{actor.name} may not change schedules and calendar here ({error.params})."
            ) from error
        except DomainError as error:
            raise CommandError(f"Nothing was entered: {error.code} {error.params}") from error
        self._say(steps)
        if dry and any(step.state != "left" for step in steps):
            sys.exit(2)

    def _say(self, steps: list[planning.Step]) -> None:
        for step in steps:
            self.stdout.write(f"[{import_state(step)}] {import_step(step)}")
            if step.why:
                self.stdout.write(f"    {import_why(step)}")
            for detail in step.details:
                self.stdout.write(f"    {difference_words(detail)}")
        if not steps:
            self.stdout.write(
                translation.gettext("No difference: everything in the file is in force already.")
            )


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(BYTES_MAX + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from error


def _actor(slug: str, username: str) -> Actor:
    with platform_scope():
        user: User | None = User.objects.filter(username__iexact=username).first()
    try:
        if user is None:
            raise NotFound(type="tenant")
        with platform_scope(user_id=user.id):
            tenant = get_tenant(slug)
        with tenant_scope(tenant.id):
            return actor_in(tenant, user, session="planning_import", address="", request="")
    except NotFound as error:
        raise CommandError(f"{username} is not a member of a tenant {slug}.") from error
