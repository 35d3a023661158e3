"""How many volumes and snapshots wait for tags by a rule, counted by the database; `infra.queries.tagging` says which and what for.

Both follow `infra.domain.tagging.wish`; a test holds them against each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery

from infra.domain.tagging import TAGS_MAX, VALUE_MAX, Overwrite, Rules
from infra.domain.tags import MANAGED, TOBAN
from infra.models import Resource, Volume, VolumeSnapshot
from infra.models.resource import ResourceKind

#: Everything that Python takes away at the ends of a text.
_BLANK = "".join(one for one in map(chr, range(0x3001)) if one.isspace())
#: Whose value may be written over: nobody's (blank), what Toban wrote, anybody's.
_OVER = {
    Overwrite.NEVER: "stands = ''",
    Overwrite.OURS: "(stands = '' OR own = wrote)",
    Overwrite.ALWAYS: "true",
}
#: `seen`: account_id, tags, tag_marks, and the tags that are copied from. A key that is new needs room; AWS's own tags take none.
_COUNT = """
WITH seen AS MATERIALIZED ({seen}), given AS (SELECT %s::text[] AS keys, %s::text AS blank)
SELECT account_id, count(*) FROM seen CROSS JOIN given
WHERE EXISTS (
    SELECT 1 FROM unnest(keys) AS key
    CROSS JOIN LATERAL (
        SELECT btrim(left(btrim(source ->> key, blank), {longest}), blank) AS value, coalesce(tags ->> key, '') AS own,
            tag_marks -> 'wrote' ->> key AS wrote, coalesce(tag_marks -> 'undone' -> key, '[]') AS undone
    ) AS facts
    CROSS JOIN LATERAL (SELECT btrim(own, blank) AS stands) AS standing
    WHERE value <> '' AND stands <> value AND NOT jsonb_exists(undone, value) AND {over}
      AND (jsonb_exists(tags, key)
           OR (SELECT count(*) FROM jsonb_object_keys(tags) AS other WHERE NOT starts_with(other, 'aws:')) < {room})
)
GROUP BY account_id
"""


def due(held: Iterable[tuple[UUID, Rules]]) -> Mapping[UUID, int]:
    """So many volumes and snapshots are to get tags in each account (its id, its rule). Needs the tenant bound."""
    accounts: dict[Rules, list[UUID]] = defaultdict(list)
    for account, rules in held:
        accounts[rules].append(account)
    found: Counter[UUID] = Counter()
    for rules, ids in accounts.items():
        found.update(_counted(rules, _attached(ids)))
        if rules.snapshots:
            found.update(_counted(rules, _snapshots(ids)))
    return found


def _attached(accounts: Sequence[UUID]) -> QuerySet[Any]:
    servers = Resource.objects.filter(
        account=OuterRef("account"), region=OuterRef("region"), kind=ResourceKind.EC2,
        aws_id=OuterRef("served_instance"), gone_at__isnull=True,
    )  # fmt: skip
    rows: QuerySet[Any] = Volume.objects.filter(
        account__in=accounts, gone_at__isnull=True, detached_at__isnull=True
    )
    rows = rows.exclude(served_instance="")
    attached: QuerySet[Any] = rows.annotate(source=Subquery(servers.values("tags")[:1]))
    return attached


def _snapshots(accounts: Sequence[UUID]) -> QuerySet[Any]:
    volumes = Volume.objects.filter(
        account=OuterRef("account"), region=OuterRef("region"), volume_id=OuterRef("volume_id")
    )
    rows: QuerySet[Any] = VolumeSnapshot.objects.filter(account__in=accounts, gone_at__isnull=True).exclude(
        volume_id=""
    )
    rows = rows.exclude(tags__has_key="toban:operation")
    kept: QuerySet[Any] = rows.annotate(source=Subquery(volumes.values("tags")[:1]))
    return kept


def _counted(rules: Rules, rows: QuerySet[Any]) -> dict[UUID, int]:
    """How many of the rows lack any of the rule's tags, by account."""
    untouched = Q(tags__has_key=TOBAN) & ~Q(**{f"tags__{TOBAN}": MANAGED})
    inner = rows.exclude(untouched).order_by().values("account_id", "tags", "tag_marks", "source")
    seen, of_seen = inner.query.sql_with_params()
    asked = _COUNT.format(seen=seen, over=_OVER[rules.overwrite], longest=VALUE_MAX, room=TAGS_MAX)
    with connection.cursor() as cursor:
        cursor.execute(asked, (*of_seen, list(rules.keys), _BLANK))
        return dict(cursor.fetchall())
