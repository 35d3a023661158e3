"""`demo_past`: what the demo's volumes served in the last half year, before its clock runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.queries.people import tenant_ids
from config import demo_past
from medical_audit import clock
from medical_audit.tenancy import tenant_scope


class Command(BaseCommand):
    help = "Keep half a year of looks at the demo's volumes, so that left-over volumes and what they cost are to be seen."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL or not settings.AWS_ENDPOINT_URL.startswith("http://127.0.0.1:"):
            raise CommandError("A past is made up on the local simulator only, never on a real AWS.")
        looks = 0
        for tenant in tenant_ids():
            with tenant_scope(tenant):
                looks += demo_past.remember(clock.now())
        self.stdout.write(f"{looks} looks")
