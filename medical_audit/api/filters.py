"""The filters of the API's lists: described by how they are written, and refused where one cannot be read: a filter that is left
out unsaid would answer more than was asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError

from medical_audit.forms import CURSOR_MAX
from medical_audit.forms.filters import TEXT, Shape, one_of, unread
from medical_audit.queries.paging import PAGE_SIZE, PAGE_SIZE_MAX

_TYPES = {"date": OpenApiTypes.DATE, "uuid": OpenApiTypes.UUID, "int": OpenApiTypes.INT}


class Filter(OpenApiParameter):
    """A parameter of an address that knows how it is written."""

    def __init__(self, name: str, shape: Shape, about: str) -> None:
        self.shape = shape
        super().__init__(
            name, _TYPES.get(shape.format, OpenApiTypes.STR), description=about, enum=list(shape.enum) or None,
            pattern=shape.pattern or None,
        )  # fmt: skip


def of_shape(name: str, shape: Shape, about: str) -> Filter:
    return Filter(name, shape, about)


def text_filter(name: str, about: str, enum: Sequence[str] = ()) -> Filter:
    """Any text, or one of these words."""
    return Filter(name, one_of(tuple(enum)) if enum else TEXT, about)


def listed(shapes: Mapping[str, Shape], **about: str) -> tuple[Filter, ...]:
    """A list's filters, each with what it is about."""
    assert set(shapes) == set(about)
    return tuple(Filter(name, shapes[name], text) for name, text in about.items())


FIELDS = Filter(
    "fields", Shape(lambda _text: True, ""), "Only these fields, separated by commas: `fields=id,name`."
)
_CURSOR = Shape(lambda text: len(text) <= CURSOR_MAX, TEXT.said)
_LIMIT = Shape(
    lambda text: text.isascii() and text.isdigit(),
    format_lazy(gettext_lazy("Write a number from 1 to {most}."), most=PAGE_SIZE_MAX),
    format="int",
)
PAGING = (
    Filter("after", _CURSOR, "The cursor `next` of the page before."),
    Filter("before", _CURSOR, "The cursor `previous` of the page after."),
    Filter("limit", _LIMIT, f"Rows a page, 1 to {PAGE_SIZE_MAX}; {PAGE_SIZE} if not said."),
)


def hold(query: QueryDict, filters: Sequence[Filter]) -> None:
    """Refuse what an address asks for and cannot be read, or is not known there. Raises ValidationError."""
    shapes = {one.name: one.shape for one in filters}
    wrong: dict[str, Any] = {one.name: [f"{one.given}: {one.said}"] for one in unread(query, shapes)}
    for name in sorted(set(query) - set(shapes)):
        wrong[name[:60]] = [_strange(shapes)]
    if wrong:
        raise ValidationError(wrong)


def filter_given(given: Mapping[str, str], shapes: Mapping[str, Shape]) -> QueryDict:
    """The filters of a body as an address would name them. Raises ValidationError, as `hold` does."""
    query = QueryDict(mutable=True)
    query.update(given)
    hold(query, [Filter(name, shape, "") for name, shape in shapes.items()])
    return query


def _strange(shapes: Mapping[str, Shape]) -> str:
    if not shapes:
        return _("Nothing can be asked for by name here.")
    return _("There is no such filter here. There are: %(names)s.") % {"names": ", ".join(sorted(shapes))}
