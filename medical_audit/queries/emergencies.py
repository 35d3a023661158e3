"""Emergency rights: who holds one now, which are not reviewed yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.rights import LEDGER_VIEW, OPERATION_VIEW
from medical_audit.models import Emergency, Event
from medical_audit.queries.paging import Cursors, Page, page_of


def open_right(person_id: str) -> QuerySet[Emergency]:
    """This person's emergency right, if it is open in the bound tenant, by the database's own clock: a sweeper that
    stands still leaves nothing open."""
    shift = timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
    rows: QuerySet[Emergency] = Emergency.objects.filter(
        person_id=person_id, closed_at__isnull=True, closes_at__gt=Now() + shift
    )
    return rows


def open_emergencies(now: datetime, *, actor: Actor) -> list[Emergency]:
    """Those open now; everybody of the tenant may know."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return list(Emergency.objects.filter(closed_at__isnull=True, closes_at__gt=now).order_by("closes_at"))


def list_emergencies(cursors: Cursors, *, actor: Actor) -> Page:
    """One page, the newest first. Raises NotPermitted, Refused."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return page_of(Emergency.objects.all(), ("opened_at", "id"), cursors, descending=True)


def get_emergency(emergency_id: UUID, *, actor: Actor) -> Emergency:
    """Raises NotFound, NotPermitted."""
    found: Emergency | None = Emergency.objects.filter(id=emergency_id).first()
    if found is None:
        raise NotFound(type="emergency", id=str(emergency_id))
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return found


def unreviewed(*, actor: Actor) -> int:
    """How many openings nobody has reviewed yet, those still open among them."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return Emergency.objects.filter(reviewed_at__isnull=True).count()


@dataclass(frozen=True, slots=True)
class Acts:
    """The first of what a holder did while it was open, in order, and how much more there is."""

    shown: list[Event]
    more: int


def acts_of(emergency: Emergency, *, actor: Actor, limit: int = 200) -> Acts:
    """For who reads the ledger, and for the holder himself. Raises NotPermitted."""
    if actor.id != emergency.person_id:
        actor.require(LEDGER_VIEW, actor.tenant_id)
    shown = list(_acts(emergency).order_by("event_at", "ord")[:limit])
    return Acts(shown, count_acts(emergency) - len(shown))


def count_acts(emergency: Emergency) -> int:
    """How much that is in all."""
    return _acts(emergency).count()


def _acts(emergency: Emergency) -> QuerySet[Event]:
    shift = timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
    until = emergency.closed_at or emergency.closes_at
    rows: QuerySet[Event] = Event.objects.filter(
        actor_id=emergency.person_id, event_at__gte=emergency.opened_at - shift, event_at__lt=until - shift
    )
    return rows


def emergency_tenants(now: datetime) -> list[UUID]:
    """Tenants in which an emergency right is past its time and not closed yet; no other role may ask."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.emergency_tenants(%s)", [now])
        return [row[0] for row in cursor.fetchall()]
