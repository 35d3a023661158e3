"""Seal every stored secret anew with the first of TOBAN_SECRETS_KEYS; afterwards the others can be taken away."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.queries.people import tenant_ids
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from redmine_sync.operations.resealing import reseal


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = tenant_ids()
        done = sum(reseal(actor=system_actor(tenant, "reseal"), now=clock.now()) for tenant in tenants)
        self.stdout.write(f"{done} sealed anew, {len(tenants)} tenants looked at.")
