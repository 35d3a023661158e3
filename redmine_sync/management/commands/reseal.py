"""Seal every stored secret anew with the first of TOBAN_SECRETS_KEYS; afterwards the others can be taken away.

A tenant or person with a secret that no key opens is named at the end, stays as it is, and keeps no other from being done.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.operations import second_factor
from accounts.queries.people import person_ids, tenant_ids
from medical_audit import clock
from medical_audit.domain.actor import NO_TENANT, system_actor
from medical_audit.operations.resealing import reseal_people
from medical_audit.sealing import Unsealable
from redmine_sync.operations.resealing import reseal


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        done, failed = 0, []
        tenants, people = tenant_ids(), person_ids()
        for tenant in (*tenants, NO_TENANT):
            actor, now = system_actor(tenant, "reseal"), clock.now()
            try:
                done += reseal_people(actor=actor, now=now)
                done += reseal(actor=actor, now=now) if tenant != NO_TENANT else 0
            except Unsealable as error:
                failed.append(f"{tenant}: {error}")
        for person in people:
            try:
                done += second_factor.reseal(person, actor=system_actor(NO_TENANT, "reseal"), now=clock.now())
            except Unsealable as error:
                failed.append(f"{person}: {error}")
        self.stdout.write(f"{done} sealed anew, {len(tenants)} tenants and {len(people)} people looked at.")
        if failed:
            raise CommandError(
                "Nothing of these tenants and people was sealed anew: put the missing key back, or enter their secrets again. "
                "Take no key away before that.\n" + "\n".join(failed)
            )
