"""What is left of a database: the database itself, and complete snapshots of it. Needs the tenant bound.

AWS knows a database by its DbiResourceId; its name may be another one's since. Where one of both ids is not known, the name decides.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from infra.domain.snapshots import COMPLETE, SHARED, of_one_database
from infra.models import DatabaseSnapshot, Resource
from infra.models.resource import ResourceKind


def source_of(row: DatabaseSnapshot) -> Resource | None:
    """The database that a snapshot was made of, while it exists; of one that another account shares that is not here."""
    if row.kind == SHARED:
        return None
    found = Resource.objects.filter(
        Q(aws_id=row.database) | Q(facts__resource_id=row.facts.get("source_id") or "-"),
        account=row.account, region=row.region, kind=ResourceKind.RDS, gone_at__isnull=True,
    )  # fmt: skip
    mine = row.facts.get("source_id", "")
    return next(
        (one for one in found if of_one_database(row.database, mine, one.aws_id, one.facts.get("resource_id", ""))), None
    )  # fmt: skip


def other_copies(row: DatabaseSnapshot) -> list[DatabaseSnapshot]:
    """The other complete snapshots of the same database, but for what another account shares."""
    mine = row.facts.get("source_id", "")
    found = DatabaseSnapshot.objects.filter(
        Q(database=row.database) | Q(facts__source_id=mine or "-"),
        account=row.account, region=row.region, state=COMPLETE, gone_at__isnull=True,
    )  # fmt: skip
    others = found.exclude(kind=SHARED).exclude(id=row.id)
    return [
        one for one in others if of_one_database(row.database, mine, one.database, one.facts.get("source_id", ""))
    ]  # fmt: skip


def orphans(rows: QuerySet[DatabaseSnapshot]) -> QuerySet[DatabaseSnapshot]:
    """Those of databases that exist no more."""
    named = Resource.objects.filter(
        account=OuterRef("account"), region=OuterRef("region"), kind=ResourceKind.RDS, aws_id=OuterRef("database"),
        gone_at__isnull=True,
    )  # fmt: skip
    named = named.annotate(known=KeyTextTransform("resource_id", "facts"))
    same = named.filter(Q(known=OuterRef("source_id")) | Q(known__isnull=True) | Q(known=""))
    identified = Q(source_id__isnull=False) & ~Q(source_id="")
    rows = rows.annotate(source_id=KeyTextTransform("source_id", "facts")).exclude(kind=SHARED)
    return rows.filter(~Exists(named) | (identified & ~Exists(same)))
