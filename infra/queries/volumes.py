"""Reading volumes of the bound tenant."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from accounts.domain.permissions import Permission
from infra.models import AwsAccount, Resource, Volume
from medical_audit.domain.actor import Actor
from medical_audit.queries.paging import Cursors, Page, page_of


@dataclass(frozen=True, slots=True)
class VolumeFilter:
    """What a reader looks for; empty means everything that still exists. State "gone" shows what was deleted."""

    state: str = ""
    account: str = ""
    named: str = ""
    q: str = ""


@dataclass(frozen=True, slots=True)
class VolumeCounts:
    """How many there are by each filter's values, each under the other filters."""

    states: Mapping[str, int]
    accounts: Mapping[str, int]
    account_names: Mapping[str, str]
    named: Mapping[str, int]
    total: int


def list_volumes(wanted: VolumeFilter, cursors: Cursors, *, actor: Actor) -> Page:
    """One page of Volume with its account, by name. Raises NotPermitted, Refused."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    return page_of(_matching(wanted).select_related("account"), ("name", "id"), cursors)


def count_volumes(wanted: VolumeFilter, *, actor: Actor) -> VolumeCounts:
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    states = _by("state", _matching(wanted, without="state"))
    others = _matching(wanted, without="named")
    unnamed = others.filter(name="").count()
    return VolumeCounts(
        states=states,
        accounts=_by("account__account_id", _matching(wanted, without="account")),
        account_names=dict(AwsAccount.objects.order_by("account_id").values_list("account_id", "name")),
        named={"yes": others.count() - unnamed, "no": unnamed},
        total=sum(number for state, number in states.items() if state != "gone"),
    )


def attached_to(resource: Resource, *, actor: Actor) -> list[Volume]:
    """Volumes that serve this EC2 instance now, as last seen."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    serving = Q(attachments__instance_id=resource.aws_id, attachments__until__isnull=True)
    rows = Volume.objects.filter(serving, account=resource.account, gone_at__isnull=True)
    return list(rows.order_by("served_device", "volume_id").distinct())


def _by(field: str, rows: QuerySet[Volume]) -> dict[str, int]:
    return dict(rows.order_by(field).values_list(field).annotate(Count("id")))


def _matching(wanted: VolumeFilter, *, without: str = "") -> QuerySet[Volume]:
    rows: QuerySet[Volume] = Volume.objects.all()
    if without != "state":
        rows = rows.filter(state=wanted.state) if wanted.state else rows.filter(gone_at__isnull=True)
    if wanted.account and without != "account":
        rows = rows.filter(account__account_id=wanted.account)
    if wanted.named and without != "named":
        rows = rows.exclude(name="") if wanted.named == "yes" else rows.filter(name="")
    if wanted.q:
        words = (
            "name__icontains",
            "volume_id__icontains",
            "served_name__icontains",
            "served_instance__icontains",
        )
        found = Q()
        for word in words:
            found |= Q(**{word: wanted.q})
        rows = rows.filter(found)
    return rows
