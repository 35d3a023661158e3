"""`audit_stream [--again NAME --tenant ID --from N]`: how far each receiver has come; have it sent events again."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from medical_audit.domain.canonical import utc_text
from medical_audit.operations.streaming import send_again
from medical_audit.queries import seals
from medical_audit.tenancy import platform_scope


class Command(BaseCommand):
    help = (
        "Say how far each receiver of the stream has come (connects as toban_audit); with --again, have one that lost what it "
        "had sent a tenant's events again from a number on."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", metavar="NAME", help="the stream's name in TOBAN_STREAMS_FILE")
        parser.add_argument("--tenant", type=UUID, help="whose events (its id)")
        parser.add_argument("--from", type=int, dest="first", help="from this event's number on")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["again"]:
            self._again(options)
        with platform_scope():
            duties = seals.duties()
        for name, duty in duties.items():
            if name.startswith("stream:"):
                since = utc_text(duty.done_at) if duty.done_at else "never"
                self.stdout.write(
                    f"{name.removeprefix('stream:')}: {duty.number}, {since} {duty.problem}".rstrip()
                )

    def _again(self, options: dict[str, Any]) -> None:
        to = next((one for one in settings.TOBAN_STREAMS if one.name == options["again"]), None)
        if to is None:
            names = ", ".join(one.name for one in settings.TOBAN_STREAMS) or "none"
            raise CommandError(f"no stream {options['again']}; TOBAN_STREAMS_FILE names: {names}")
        if options["tenant"] is None or options["first"] is None:
            raise CommandError("--again needs --tenant and --from")
        try:
            send_again(to, options["tenant"], options["first"])
        except ValueError as error:
            raise CommandError(str(error)) from error
