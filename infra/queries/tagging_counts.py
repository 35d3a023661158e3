"""How many volumes and snapshots wait for tags by a rule, counted by the database; `infra.queries.tagging` says which and what for.

Both follow `infra.domain.tagging.wish`; a test holds them against each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import Count, F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Left

from infra.domain.tagging import TAGS_MAX, VALUE_MAX, Overwrite, Rules
from infra.domain.tags import MANAGED, TOBAN
from infra.models import Resource, Volume, VolumeSnapshot
from infra.models.resource import ResourceKind

#: Everything that Python takes away at the ends of a text.
_BLANK = "".join(one for one in map(chr, range(0x3001)) if one.isspace())


def due(held: Iterable[tuple[UUID, Rules]]) -> Mapping[UUID, int]:
    """So many volumes and snapshots are to get tags in each account (its id, its rule). Needs the tenant bound."""
    accounts: dict[Rules, list[UUID]] = defaultdict(list)
    for account, rules in held:
        accounts[rules].append(account)
    found: Counter[UUID] = Counter()
    for rules, ids in accounts.items():
        _add(found, rules, _attached(ids))
        if rules.snapshots:
            _add(found, rules, _snapshots(ids))
    return found


def _attached(accounts: Sequence[UUID]) -> QuerySet[Volume]:
    servers = Resource.objects.filter(
        account=OuterRef("account"), region=OuterRef("region"), kind=ResourceKind.EC2,
        aws_id=OuterRef("served_instance"), gone_at__isnull=True,
    )  # fmt: skip
    rows = Volume.objects.filter(account__in=accounts, gone_at__isnull=True, detached_at__isnull=True)
    return rows.exclude(served_instance="").annotate(source=Subquery(servers.values("tags")[:1]))


def _snapshots(accounts: Sequence[UUID]) -> QuerySet[VolumeSnapshot]:
    volumes = Volume.objects.filter(
        account=OuterRef("account"), region=OuterRef("region"), volume_id=OuterRef("volume_id")
    )
    rows = VolumeSnapshot.objects.filter(account__in=accounts, gone_at__isnull=True).exclude(volume_id="")
    rows = rows.exclude(tags__has_key="toban:operation")
    return rows.annotate(source=Subquery(volumes.values("tags")[:1]))


def _add(found: Counter[UUID], rules: Rules, rows: QuerySet[Volume] | QuerySet[VolumeSnapshot]) -> None:
    """Count the rows that lack any of the rule's tags."""
    untouched = Q(tags__has_key=TOBAN) & ~Q(**{f"tags__{TOBAN}": MANAGED})
    rows = rows.exclude(untouched).annotate(room=_number_of_tags())
    wanted = Q()
    for number, key in enumerate(rules.keys):
        value, own, wrote, undone = (f"{name}_{number}" for name in ("value", "own", "wrote", "undone"))
        rows = rows.annotate(
            **{
                value: _trimmed(Left(_trimmed(_text("source", key)), VALUE_MAX, output_field=TextField())),
                own: Coalesce(_text("tags", key), Value("", output_field=TextField())),
                wrote: _text("tag_marks", "wrote", key),
                undone: Coalesce(_text("tag_marks", "undone", key), Value("", output_field=TextField())),
            }
        ).annotate(**{f"stands_{number}": _trimmed(F(own))})
        stands = f"stands_{number}"
        asked = Q(**{f"{value}__gt": ""}) & ~Q(**{stands: F(value)}) & ~Q(**{undone: F(value)})
        over = Q(**{stands: ""})
        if rules.overwrite is Overwrite.ALWAYS:
            over = Q()
        elif rules.overwrite is Overwrite.OURS:
            over |= Q(**{own: F(wrote)})
        wanted |= asked & over & (Q(tags__has_key=key) | Q(room__lt=TAGS_MAX))
    counted = rows.filter(wanted).order_by().values("account").annotate(number=Count("id"))
    for account, number in counted.values_list("account", "number"):
        found[account] += number


def _text(field: str, *path: str) -> Func:
    """What stands there. Django would take a key of digits for the place in a list."""
    keys = [Value(one) for one in path]
    return Func(F(field), *keys, function="jsonb_extract_path_text", output_field=TextField())


def _trimmed(text: object) -> Func:
    return Func(text, Value(_BLANK), function="BTRIM", output_field=TextField())


def _number_of_tags() -> Func:
    """Of a row's own; AWS's do not count against its limit."""
    template = (
        "(SELECT count(*) FROM jsonb_object_keys(%(expressions)s) AS key WHERE NOT starts_with(key, 'aws:'))"
    )
    return Func(F("tags"), template=template, output_field=IntegerField())
