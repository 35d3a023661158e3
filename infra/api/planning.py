"""The planning file and prices over the API: what would change is looked at first, and entered as it was seen."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.domain.planning_file import SCHEMA_FILE, PlanningFile, read_planning
from infra.domain.prices import CURRENCIES, KINDS, Key, PriceProblem, PriceRow, plain, read_price, unit_of
from infra.domain.yaml_tree import BYTES_MAX, BadFile
from infra.operations import planning, pricing
from infra.operations.planning import Step
from infra.queries.planning import export_planning
from infra.queries.prices import PricedType, price_book, price_page
from medical_audit.api.calls import Call, Faulty, Told, answers, version_from
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import StaleContent
from medical_audit.forms import REASON_MAX

ROWS_MOST = 500


class PlanningOut(serializers.Serializer[Any]):
    """`content`: YAML, as its JSON Schema has it (docs/planning-file.md)."""

    content = serializers.CharField()


class LookIn(serializers.Serializer[Any]):
    """`remove`: company days and assignments that the file does not name are to go."""

    content = serializers.CharField(max_length=BYTES_MAX, trim_whitespace=False)
    remove = serializers.BooleanField(default=False)


class ImportIn(LookIn):
    """`seen`: the digest of the steps that a look gave."""

    seen = serializers.CharField(max_length=64)
    reason = serializers.CharField(max_length=REASON_MAX)


class StepOut(serializers.Serializer[Step]):
    """One difference. `state`: enter, waits, or why not."""

    code = serializers.CharField()
    name = serializers.CharField()
    state = serializers.CharField()
    why = serializers.CharField()
    line = serializers.IntegerField()
    schedule = serializers.CharField()


class StepsOut(serializers.Serializer[Any]):
    steps = StepOut(many=True)
    seen = serializers.CharField()


class PriceOut(serializers.Serializer[PricedType]):
    """One billed type in use, or a price that nothing uses; `per_unit` null where nobody entered a price."""

    kind = serializers.CharField()
    region = serializers.CharField()
    type = serializers.CharField()
    count = serializers.IntegerField()
    running = serializers.IntegerField()
    per_unit = serializers.DecimalField(
        source="price.per_hour", max_digits=12, decimal_places=6, default=None, allow_null=True
    )
    unit = serializers.SerializerMethodField()
    currency = serializers.CharField(source="price.currency", default="")
    source = serializers.CharField(source="price.source", default="")  # type: ignore[assignment]
    as_of = serializers.DateField(source="price.as_of", default=None, allow_null=True)
    stale = serializers.BooleanField()

    def get_unit(self, row: PricedType) -> str:
        return unit_of(row.kind)


class PriceRowIn(serializers.Serializer[Any]):
    """`per_unit` of an hour, of a volume of one GiB for one month; `region` empty: any."""

    kind = serializers.ChoiceField(choices=list(KINDS))
    region = serializers.CharField(max_length=30, default="", allow_blank=True)
    type = serializers.CharField(max_length=60)
    per_unit = serializers.DecimalField(max_digits=12, decimal_places=6, min_value=0)
    currency = serializers.ChoiceField(choices=list(CURRENCIES))
    source = serializers.CharField(max_length=300)  # type: ignore[assignment]
    as_of = serializers.DateField()


class PriceKeyIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=list(KINDS))
    region = serializers.CharField(max_length=30, default="", allow_blank=True)
    type = serializers.CharField(max_length=60)


class PricesIn(ReasonIn):
    prices = PriceRowIn(many=True, max_length=ROWS_MOST, required=False)  # type: ignore[call-arg]
    removed = PriceKeyIn(many=True, max_length=ROWS_MOST, required=False)  # type: ignore[call-arg]


class PlanningSchemaOut(serializers.Serializer[Any]):
    """The JSON Schema that the file's content is held against."""

    schema = serializers.DictField()


@answers(PlanningSchemaOut)
def planning_schema(call: Call) -> dict[str, Any]:
    """Get the JSON Schema of the planning file."""
    call.actor.require(Permission.RESOURCE_VIEW, call.actor.tenant_id)
    return {"schema": json.loads(SCHEMA_FILE.read_bytes())}


@answers(PlanningOut)
def planning_get(call: Call) -> dict[str, str]:
    """Take the tenant's schedules, calendar and assignments out as one YAML file."""
    return {"content": export_planning(actor=call.actor, now=call.now)}


@answers(StepsOut, takes=LookIn)
def planning_look(call: Call) -> dict[str, Any]:
    """See what a planning file would change; nothing is entered."""
    _file, steps = _compared(call)
    return {"steps": steps, "seen": planning.digest_of_steps(steps)}


@answers(StepsOut, takes=ImportIn, status=201)
def planning_enter(call: Call) -> dict[str, Any]:
    """Enter what a planning file changes, as it was seen; another person confirms each step."""
    file, steps = _compared(call)
    given = call.given
    if planning.digest_of_steps(steps) != given["seen"]:
        raise StaleContent("plan_changed")
    done = planning.enter_all(
        file, remove=given["remove"], actor=call.actor, now=call.now, reason=given["reason"], local=settings.LOCAL
    )  # fmt: skip
    return {"steps": done, "seen": given["seen"]}


def _compared(call: Call) -> tuple[PlanningFile, list[Step]]:
    """Raises NotPermitted, Faulty naming each fault by its line."""
    for right in (Permission.SCHEDULE_EDIT, Permission.CALENDAR_EDIT):
        call.actor.require(right, call.actor.tenant_id)
    given = call.given
    try:
        file = read_planning(given["content"].encode("utf-8"))
        return file, planning.compare(
            file, remove=given["remove"], actor=call.actor, now=call.now, local=settings.LOCAL
        )
    except BadFile as bad:
        raise Faulty("content", bad.problems) from bad


@answers(PriceOut, many=True)
def price_list(call: Call) -> Told:
    """List types in use with their prices: those without one first, those that nothing uses last. The version of all prices is what
    a change names."""
    page = price_page(actor=call.actor, now=call.now)
    return Told([*page.missing, *page.priced, *page.unused], _priced())


def _priced() -> str:
    prices = sorted(price_book().prices.items())
    return version_from(*((key, row.per_hour, row.currency, row.source, row.as_of) for key, row in prices))


@answers(
    OperationOut,
    takes=PricesIn,
    status=201,
    must=True,
    example={
        "prices": [
            {
                "kind": "ec2", "region": "ap-northeast-1", "type": "t3.small", "per_unit": "0.0272", "currency": "USD",
                "source": "AWS price list", "as_of": "2026-11-01",
            }
        ],
        "reason": "四半期の見直し",
    },
)  # fmt: skip
def price_enter(call: Call) -> Told:
    """Enter prices with their source and date; the person who enters them confirms them."""
    call.actor.require(Permission.PRICE_EDIT, call.actor.tenant_id)
    given = call.given
    call.expect(_priced())
    rows = _rows(given.get("prices", []), call.now.astimezone(ZoneInfo(call.asked.tenant.time_zone)).date())
    removed = [(one["kind"], one["region"], one["type"]) for one in given.get("removed", [])]
    entered = pricing.enter_change(rows, removed, actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))


def _rows(given: Sequence[Mapping[str, Any]], today: date) -> list[PriceRow]:
    """Read as a table's lines are. Raises Faulty naming each fault."""
    rows: dict[Key, PriceRow] = {}
    wrong: list[PriceProblem] = []
    for line, one in enumerate(given, start=1):
        texts = {**one, "per_hour": plain(one["per_unit"]), "as_of": one["as_of"].isoformat()}
        read = read_price(texts, line, today=today)
        if isinstance(read, tuple):
            wrong += read
        elif read.key in rows:
            wrong.append(PriceProblem(line, "type", "named_twice", read.type))
        else:
            rows[read.key] = read
    if wrong:
        raise Faulty("prices", wrong)
    return list(rows.values())
