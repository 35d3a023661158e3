"""One page of a window: searched, filtered, by period, by keyset; nothing is counted further than it is shown."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import BooleanField, Field, Model, QuerySet
from django.http import HttpRequest

from medical_audit.domain.kinds import readable
from medical_audit.forms import cursors_of, text_of
from medical_audit.queries.events import CHOICES_FROM, ZONE
from medical_audit.queries.paging import Page, page_of

#: A search counts its results no further.
COUNTED = 10_000
#: Toban is younger than the first, and nobody asks for the last.
FIRST_YEAR, LAST_YEAR = 2000, 9000


@dataclass(frozen=True, slots=True)
class Cell:
    """`key` names what it is: model.field."""

    key: str
    value: object


@dataclass(frozen=True, slots=True)
class Row:
    pk: object
    model: str
    item: Model
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Period:
    """A year, a month or a day to choose; `parts` are its numbers."""

    parts: tuple[int, ...]
    url: str
    chosen: bool


def row_of(item: Model, names: Sequence[str]) -> Row:
    model = f"{item._meta.app_label}.{item._meta.model_name}"
    return Row(
        item.pk, model, item, [Cell(f"{item._meta.model_name}.{name}", _value(item, name)) for name in names]
    )


def _value(item: object, name: str) -> object:
    """`name` may go through a foreign key (account__name)."""
    for part in name.split("__"):
        item = getattr(item, part, None)
    if name == "parameters" and isinstance(item, dict):
        return readable(item)
    return str(item) if isinstance(item, Model) else item


class CodeFilter(SimpleListFilter):
    """One field's values: those that it may have, or those of the newest rows."""

    field: "Field[Any, Any]"
    template = "admin/filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        if isinstance(self.field, BooleanField):
            values: Iterable[object] = (True, False)
        elif self.field.choices:
            values = [value for value, _label in cast("Iterable[tuple[object, object]]", self.field.choices)]
        else:
            newest = model_admin.get_queryset(request).order_by(*model_admin.get_ordering(request))
            values = sorted(set(newest.values_list(self.field.name, flat=True)[:CHOICES_FROM]) - {None, ""})
        return [(str(value), str(value)) for value in values]

    def value(self) -> str:
        return text_of(self.request.GET, str(self.parameter_name))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return queryset
        wanted: object = chosen == "True" if isinstance(self.field, BooleanField) else chosen
        return queryset.filter(**{str(self.parameter_name): wanted})


def code_filter(model: type[Model], name: str) -> type[CodeFilter]:
    field = model._meta.get_field(name)
    return type("Filter", (CodeFilter,), {"parameter_name": name, "title": name, "field": field})


class Listing(ChangeList):
    """What a list shows; strange parameters of the address say nothing."""

    page: Page
    rows: list[Row]

    def __init__(self, request: HttpRequest, *arguments: Any, **more: Any) -> None:
        self.request = request
        super().__init__(request, *arguments, **more)

    def get_filters_params(self, params: Any = None) -> Any:
        """The period alone: filters read the address themselves, everything else is none of ours."""
        return {name: [str(part)] for name, part in zip(self._periods(), self._chosen(), strict=False)}

    def _periods(self) -> tuple[str, ...]:
        name = self.date_hierarchy
        return tuple(f"{name}__{part}" for part in ("year", "month", "day")) if name else ()

    def _chosen(self) -> tuple[int, ...]:
        """Year, month and day as far as they are given; what is no date says nothing."""
        parts: list[int] = []
        for name in self._periods():
            text = text_of(self.request.GET, name)
            if not (text.isascii() and text.isdecimal() and len(text) <= 4):
                break
            parts.append(int(text))
        try:
            day = date(*(*parts, *(1, 1, 1)[len(parts) :]))
        except ValueError:
            return ()
        return tuple(parts) if FIRST_YEAR <= day.year < LAST_YEAR else ()

    def get_results(self, request: HttpRequest) -> None:
        window = cast(Any, self.model_admin)
        fields, down = window.order, window.newest_first
        self.page = page_of(self.queryset, fields, cursors_of(request.GET), descending=down)
        self.rows = [row_of(item, window.list_display) for item in self.page.rows]
        self.result_list, self.result_count = self.page.rows, len(self.page.rows)

    def asked(self) -> dict[str, str]:
        """What was answered: filters, period and words as they were applied, which is less than an address may name."""
        chosen = {str(spec.parameter_name): spec.value() for spec in self._filters()}
        chosen |= {name: str(part) for name, part in zip(self._periods(), self._chosen(), strict=False)}
        return {name: value for name, value in (chosen | {SEARCH_VAR: self.query.strip()}).items() if value}

    def _filters(self) -> list[CodeFilter]:
        return [spec for spec in self.filter_specs if isinstance(spec, CodeFilter)]

    def ledger_query(self) -> str:
        """The same question to the ledger's exports."""
        chosen = self._chosen()
        asked = {
            "event": text_of(self.request.GET, "kind"),
            "outcome": text_of(self.request.GET, "outcome"),
            "q": self.query.strip(),
        }
        if chosen:
            first = date(*(*chosen, *(1, 1, 1)[len(chosen) :]))
            asked |= {"from": first.isoformat(), "to": _last_of(first, len(chosen)).isoformat()}
        return urlencode({name: value for name, value in asked.items() if value})

    def filters(self) -> list[dict[str, Any]]:
        """As the list's filter component takes them."""
        model = self.opts.model_name
        return [
            {
                "name": spec.parameter_name,
                "key": f"{model}.{spec.parameter_name}",
                "value": spec.value(),
                "options": [
                    {"value": value, "key": f"{model}.{spec.parameter_name}"}
                    for value, _ in spec.lookup_choices
                ],
            }
            for spec in self._filters()
        ]

    def periods(self) -> list[Period]:
        """The way down to the chosen period, and what lies one step below it."""
        if not self.date_hierarchy:
            return []
        ends = [self._end(sign) for sign in ("", "-")]
        if ends[0] is None or ends[1] is None:
            return []
        first, last = ends[0], ends[1]
        chosen = self._chosen()
        way = [self._period(chosen[: depth + 1], chosen=True) for depth in range(len(chosen))]
        return way + [self._period(parts) for parts in _below(chosen, first, last)]

    def _end(self, sign: str) -> date | None:
        name = str(self.date_hierarchy)
        found: datetime | None = self.root_queryset.order_by(sign + name).values_list(name, flat=True).first()
        return None if found is None else found.astimezone(ZONE).date()

    def _period(self, parts: tuple[int, ...], *, chosen: bool = False) -> Period:
        query = self.request.GET.copy()
        for name in (*self._periods(), "after", "before"):
            query.pop(name, None)
        kept = parts[:-1] if chosen else parts
        for name, part in zip(self._periods(), kept, strict=False):
            query[name] = str(part)
        return Period(parts, f"?{query.urlencode()}", chosen)


def _below(chosen: tuple[int, ...], first: date, last: date) -> list[tuple[int, ...]]:
    """The years, months or days between two dates, newest first; a day has nothing below it."""
    match chosen:
        case ():
            return [(year,) for year in range(last.year, first.year - 1, -1)]
        case (year,):
            return [
                (year, month)
                for month in range(12, 0, -1)
                if (first.year, first.month) <= (year, month) <= (last.year, last.month)
            ]
        case (year, month):
            days = [day for day in range(31, 0, -1) if _is_between(year, month, day, first, last)]
            return [(year, month, day) for day in days]
    return []


def _last_of(first: date, depth: int) -> date:
    """The last day of the year (depth 1), month (2) or day (3) that begins so."""
    if depth == 1:
        return first.replace(month=12, day=31)
    return first if depth == 3 else first.replace(day=monthrange(first.year, first.month)[1])


def _is_between(year: int, month: int, day: int, first: date, last: date) -> bool:
    try:
        return first <= date(year, month, day) <= last
    except ValueError:
        return False
