"""`planning_export`: a tenant's schedules, calendar and assignments as one YAML file on standard output."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError

from accounts.domain.permissions import Permission
from accounts.models import Tenant
from accounts.queries.people import tenant_ids
from infra.queries.planning import export_planning
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.tenancy import tenant_scope


class Command(BaseCommand):
    help = (
        "Write a tenant's published schedules, company calendar and assignments as YAML to standard output."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug, as in its addresses")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["tenant"]
        try:
            tenants = tenant_ids()
        except ProgrammingError as error:
            raise CommandError(
                "This database role may not look for tenants: use ./toban manage, or the address in DATABASE_AUDIT_URL."
            ) from error
        for tenant_id in tenants:
            with tenant_scope(tenant_id):
                if Tenant.objects.filter(slug=slug).exists():
                    actor = system_actor(
                        tenant_id, "planning_export", frozenset({str(Permission.RESOURCE_VIEW)})
                    )
                    self.stdout.write(export_planning(actor=actor, now=clock.now()), ending="")
                    return
        raise CommandError(f"There is no tenant {slug}. Its slug stands in its addresses: /t/<slug>/.")
