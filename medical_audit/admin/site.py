"""Django's admin as auditors get it: windows on every table of one tenant, through which nothing can be changed.

The pages lie under the tenant's own address, so that session, second factor, seat and walls are those of all pages. There
is no form, no action and no method but GET; each look is recorded before it is shown.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import or_
from typing import Any, cast
from urllib.parse import quote

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from medical_audit.admin.listing import COUNTED, Listing, Row, code_filter, row_of
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.forms import ReportForm
from medical_audit.models import Event
from medical_audit.models.export import Format
from medical_audit.operations.auditing import note_row, note_window
from medical_audit.operations.exports.report_files import MAKERS
from medical_audit.operations.exports.window_files import limit_of, take_window
from medical_audit.queries.events import ZONE, events_holding
from medical_audit.requests import TenantRequest

#: A link of somebody else's must make no file in an auditor's name: that takes this site's own form.
_TAKEN = require_http_methods(["GET", "HEAD", "POST"])


def _may_look(request: HttpRequest) -> bool:
    actor = getattr(request, "actor", None)
    return actor is not None and actor.may(LEDGER_VIEW, actor.tenant_id)


class Window(admin.ModelAdmin):
    """One table, read only. `order` ends in a field that is unique; `more` stands on the page of one row only.

    `page`: the name of the portal's own page about a row, if it has one. `exported`: what is asked for here is
    exported with the ledger's own exports, every other window as a file of its own.
    """

    order: tuple[str, str] = ("id", "id")
    newest_first = True
    more: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    page = ""
    exported = False

    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def get_urls(self) -> list[URLPattern]:
        label = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("", (require_safe if self.exported else _TAKEN)(self.list_view), name=f"{label}_changelist"),
            path("<slug:pk>/", require_safe(self.row_view), name=f"{label}_change"),
        ]

    @property
    def code(self) -> str:
        return f"{self.opts.app_label}.{self.opts.model_name}"

    def list_view(self, request: TenantRequest, slug: str) -> HttpResponse:
        """What matches; POST takes it as a file."""
        return self._file(request, slug) if request.method == "POST" else self._list(request, ReportForm())

    def _file(self, request: TenantRequest, slug: str) -> HttpResponse:
        """What matches, as a file; without a purpose the list again, which asks for it."""
        request.actor.require(LEDGER_VIEW, request.actor.tenant_id)
        form = ReportForm(request.POST)
        if not form.is_valid():
            return self._list(request, form, status=422)
        given = form.cleaned_data
        shown = tuple(str(name) for name in self.list_display)
        names = shown if given["format"] == Format.PDF else (*shown, *self.more)
        with timezone.override(ZONE):
            seen = cast(Listing, self.get_changelist_instance(request))
            rows = [row_of(one, names) for one in seen.queryset[: limit_of(given["format"]) + 1]]
        keys = [f"{self.opts.model_name}.{name}" for name in names]
        try:
            file = take_window(
                self.code, keys, rows, seen.asked(), given["format"], tenant=str(request.tenant),
                purpose=given["purpose"], actor=request.actor, now=request.now,
            )  # fmt: skip
        except Refused as refused:
            form.refused = refused.code
            return self._list(request, form, status=422)
        answer = HttpResponse(file.data, content_type=file.content_type)
        title = quote(f"toban-{slug}-{file.name}", safe="")
        answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{title}"
        return answer

    def _list(self, request: TenantRequest, form: ReportForm, status: int = 200) -> HttpResponse:
        request.actor.require(LEDGER_VIEW, request.actor.tenant_id)
        with timezone.override(ZONE):
            seen = cast(Listing, self.get_changelist_instance(request))
            asked = seen.asked()
            found = seen.queryset.order_by().values("pk")[:COUNTED].count() if asked else None
        note_window(self.code, len(seen.rows), asked, found, actor=request.actor, now=request.now)
        context = {
            "window": self,
            "seen": seen,
            "found": found,
            "counted": COUNTED,
            "export_query": seen.ledger_query() if self.exported else None,
            "form": form,
            "formats": list(MAKERS),
            "chosen": form["format"].value() or Format.XLSX,
        }
        return render(request, "admin/change_list.html", context, status=status)

    def row_view(self, request: TenantRequest, slug: str, pk: str) -> HttpResponse:
        row = self._row(request, pk)
        request.actor.require(LEDGER_VIEW, request.actor.tenant_id)
        note_row(self.code, str(row.pk), actor=request.actor, now=request.now)
        return render(request, "admin/change_form.html", {"window": self, "row": row})

    def _row(self, request: HttpRequest, pk: str) -> Row:
        """Raises NotFound: what is not this tenant's is not there."""
        try:
            key = self.opts.pk.to_python(pk)
            found = self.get_queryset(request).select_related(*self.joined).filter(pk=key).first()
        except (ValidationError, ValueError, OverflowError):
            found = None
        if found is None:
            raise NotFound(type=self.opts.model_name, id=pk)
        return row_of(found, (*self.list_display, *self.more))

    def sentence(self, item: Model) -> Model:
        """The row in words: templates say it."""
        return item

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """What holds the text as it stands, as the ledger's own search does."""
        if not search_term:
            return queryset, False
        if queryset.model is Event:
            return events_holding(queryset, search_term), False
        wanted = [Q(**{f"{name}__icontains": search_term}) for name in self.search_fields]
        return queryset.filter(reduce(or_, wanted)) if wanted else queryset, False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Listing]:
        return Listing

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        sign = "-" if self.newest_first else ""
        return tuple(sign + name for name in self.order)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _may_look(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _may_look(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class AuditSite(admin.AdminSite):
    """All windows of a tenant; its door is the portal's own sign-in, so it has no login page."""

    final_catch_all_view = False

    def has_permission(self, request: HttpRequest) -> bool:
        return _may_look(request)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        found: list[URLResolver | URLPattern] = [path("", require_safe(self.overview), name="index")]
        for window in self.windows():
            head = f"{window.opts.app_label}/{window.opts.model_name}/"
            for one in window.get_urls():
                view: Callable[..., HttpResponse] = one.callback
                found.append(path(f"{head}{one.pattern}", view, name=one.name))
        return found

    def windows(self) -> Iterator[Window]:
        for window in self._registry.values():
            if isinstance(window, Window):
                yield window

    def overview(self, request: TenantRequest, slug: str) -> HttpResponse:
        """Every window, by app."""
        request.actor.require(LEDGER_VIEW, request.actor.tenant_id)
        ground = type(self).__module__.partition(".")[0]
        apps: dict[str, list[Window]] = {ground: []}
        for window in self.windows():
            apps.setdefault(window.opts.app_label, []).append(window)
        return render(request, "admin/index.html", {"apps": apps})

    def show(
        self,
        model: type[Model],
        *columns: str,
        more: tuple[str, ...] = (),
        filters: tuple[str, ...] = (),
        search: tuple[str, ...] = (),
        order: tuple[str, str],
        newest_first: bool = True,
        page: str = "",
        exported: bool = False,
        joined: tuple[str, ...] = (),
    ) -> None:
        """Open a window: `columns` in its list, `joined` the foreign keys that they follow."""
        options = {
            "list_display": columns,
            "more": more,
            "list_filter": tuple(code_filter(model, name) for name in filters),
            "search_fields": search,
            "order": order,
            "newest_first": newest_first,
            "date_hierarchy": order[0] if newest_first else None,
            "page": page,
            "exported": exported,
            "__module__": __name__,
            "joined": joined,
            "list_select_related": joined,
        }
        self.register(model, type(f"{model.__name__}Window", (Window,), options))


#: Filled by every app's `admin`; mounted by the top floor.
site = AuditSite(name="admin")
