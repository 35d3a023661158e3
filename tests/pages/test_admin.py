"""Django's admin for auditors: every table through a window, nothing to press, each look recorded."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import Tags, run_checks
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

import config.urls  # noqa: F401  every app opens its windows
from accounts.domain.permissions import Role
from config.saying.windows import value_word
from config.words.window_fields import FIELDS
from config.words.windows import WINDOWS
from medical_audit import clock
from medical_audit.admin.site import Window, site
from medical_audit.domain.actor import Subject
from medical_audit.models import ClockReading, Event
from medical_audit.operations.exports.report_files import MAKERS
from medical_audit.operations.ledger import record
from medical_audit.queries.paging import PAGE_SIZE
from medical_audit.tenancy import TenantModel, tenant_scope
from tests.answers import assert_safe
from tests.conftest import AsRole
from tests.stage import Stage, make_stage, signed_in
from tests.stock import Stock, fill

#: Reviewed: tables of a tenant without a window, and why.
NO_WINDOW = {
    "accounts.channelcursor": "up to which event messages were made, told at each message",
    "accounts.channelsecret": "sealed secrets",
    "infra.accounttrust": "how Toban enters an account: roles and external ids",
    "redmine_sync.redminekey": "a sealed key",
    "redmine_sync.repositorysecret": "sealed secrets",
    "redmine_sync.servicekey": "a sealed key",
    "medical_audit.exportpart": "pieces of files, which are handed over (and that recorded) on their own page",
    "medical_audit.link": "hashes of the chain, told with each event and by the verification",
    "medical_audit.personkey": "sealed keys",
    "medical_audit.personvalue": "what the keys open; who can be read stands on a page of its own",
    "medical_audit.erasure": "told on the page of who can be read",
    "medical_audit.savedsearch": "a person's own",
    "medical_audit.storedanswer": "what a program was answered, kept for a day",
}
SECRET = re.compile(r"hashed|sealed$|secret|password|external_id|token|host_key")
#: Windows on the one row of a tenant, which needs no search.
ONE_ROW = {
    "infra.tenantrules", "medical_audit.anomalyrules", "medical_audit.anomalywatch", "medical_audit.retention",
    "medical_audit.tenantpolicy",
}  # fmt: skip
#: Windows in the order of names or days, because their rows are things that are, not what happened.
BY_NAME = {
    "infra.closure", "infra.companyday", "infra.region", "infra.resource", "medical_audit.deputy", "medical_audit.lane",
    "medical_audit.reviewitem", "redmine_sync.ticketrule",
}  # fmt: skip
WINDOW_LIST = list(site.windows())
WINDOW_OF = {window.code: window for window in WINDOW_LIST}


@pytest.fixture(scope="module")
def stock(django_db_setup: None) -> Stock:
    return fill()


def list_of(window: Window, slug: str) -> str:
    return reverse(f"admin:{window.code.replace('.', '_')}_changelist", kwargs={"slug": slug})


def row_of(window: Window, slug: str, pk: object) -> str:
    return reverse(f"admin:{window.code.replace('.', '_')}_change", kwargs={"slug": slug, "pk": pk})


def looks(stock: Stock) -> list[dict[str, Any]]:
    with tenant_scope(stock.tenant_id):
        rows = Event.objects.filter(kind="ledger.window_viewed").order_by("event_at", "ord")
        return [json.loads(body)["detail"] for body in rows.values_list("body", flat=True)]


def test_every_table_of_a_tenant_has_a_window_or_a_reason() -> None:
    tables = {
        f"{m._meta.app_label}.{m._meta.model_name}" for m in apps.get_models() if issubclass(m, TenantModel)
    }
    assert tables - {window.code for window in WINDOW_LIST} == set(NO_WINDOW)


def test_no_person_no_right_and_no_session_is_registered_nor_any_secret() -> None:
    assert {window.code for window in WINDOW_LIST} & {
        "accounts.user",
        "auth.group",
        "auth.permission",
        "sessions.session",
    } == set()
    assert len(WINDOW_LIST) == len(site._registry)
    shown = {(w.code, name) for w in WINDOW_LIST for name in (*w.list_display, *w.more)}
    assert {pair for pair in shown if SECRET.search(pair[1])} == {("medical_audit.verificationrun", "sealed")}


def test_every_window_and_column_has_words() -> None:
    assert {window.code for window in WINDOW_LIST} == set(WINDOWS)
    assert {name for w in WINDOW_LIST for name in (*w.list_display, *w.more)} == set(FIELDS)


def test_django_finds_nothing_wrong_with_any_window() -> None:
    assert run_checks(tags=[Tags.admin]) == []


@pytest.mark.parametrize("role", list(Role))
def test_nobody_may_add_change_or_delete_and_there_is_nothing_to_press(stock: Stock, role: Role) -> None:
    request = RequestFactory().get("/")
    request.actor = stock.cast.actor(role)  # type: ignore[attr-defined]
    may = role in (Role.AUDITOR, Role.ADMINISTRATOR)
    assert site.has_permission(request) == may
    for window in WINDOW_LIST:
        assert window.get_actions(request) == {}
        assert not window.has_add_permission(request)
        assert not window.has_change_permission(request)
        assert not window.has_delete_permission(request)
        assert window.has_view_permission(request) == may
        assert (window.list_editable, window.inlines) == ((), ())
        views = [str(url.name).rpartition("_")[2] for url in window.get_urls()]
        assert views == ["changelist", "change"]


def test_every_window_shows_its_rows_and_changes_nothing_by_any_method(stock: Stock, as_role: AsRole) -> None:
    with as_role("worker"), tenant_scope(stock.tenant_id):
        ClockReading(at=clock.now(), machine="m", machine_ms=1, state="ok").save(force_insert=True)
    client, slug = signed_in(stock.cast.people[Role.AUDITOR]), stock.cast.tenant.slug
    unseen = set()
    for window in WINDOW_LIST:
        page = client.get(list_of(window, slug))
        assert page.status_code == 200, window.code
        assert_safe(page)  # type: ignore[arg-type]
        with tenant_scope(stock.tenant_id):
            row = window.model._default_manager.values_list("pk", flat=True).first()
        if row is None:
            unseen.add(window.code)
            continue
        one = client.get(row_of(window, slug, row))
        assert one.status_code == 200, window.code
        assert_safe(one)  # type: ignore[arg-type]
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for url in (list_of(window, slug), row_of(window, slug, row)):
                taken = method == "POST" and url == list_of(window, slug) and not window.exported
                assert client.generic(method, url).status_code == (422 if taken else 405), (method, url)
    assert unseen == {"medical_audit.seal"}  # nothing is sealed where no sealer runs


def test_who_may_not_read_the_ledger_may_not_look_and_others_rows_are_not_there(stock: Stock) -> None:
    theirs = fill()
    auditor, slug = signed_in(stock.cast.people[Role.AUDITOR]), stock.cast.tenant.slug
    operator = signed_in(stock.cast.people[Role.OPERATOR])
    for window in WINDOW_LIST:
        if not issubclass(window.model, TenantModel):
            continue
        with tenant_scope(theirs.tenant_id):
            foreign = window.model.objects.values_list("pk", flat=True).first()
        assert auditor.get(row_of(window, slug, foreign)).status_code == 404, window.code
        assert auditor.get(list_of(window, theirs.cast.tenant.slug)).status_code == 404, window.code
        assert operator.get(list_of(window, slug)).status_code == 403, window.code
        assert operator.get(row_of(window, slug, foreign)).status_code == 404, window.code
    assert auditor.get(row_of(WINDOW_LIST[0], slug, "no-id")).status_code == 404
    assert Client().get(list_of(WINDOW_LIST[0], slug))["Location"].startswith("/sign-in/")


def test_each_look_is_recorded_with_its_question(stock: Stock) -> None:
    client, slug = signed_in(stock.cast.people[Role.AUDITOR]), stock.cast.tenant.slug
    url = reverse("admin:infra_resource_changelist", kwargs={"slug": slug})
    client.get(url)
    client.get(url, {"kind": "ec2", "q": "nowhere", "strange__lookup": "1"})
    plain, asked = looks(stock)[-2:]
    assert plain == {"window": "infra.resource", "rows": 1}
    assert asked == {
        "window": "infra.resource",
        "rows": 0,
        "filter": {"kind": "ec2", "q": "nowhere"},
        "found": 0,
    }


def test_the_record_of_a_look_tells_the_question_that_was_answered(stock: Stock) -> None:
    """A day without a month, or a month that is none, narrows nothing; what is recorded says so."""
    client, slug = signed_in(stock.cast.people[Role.AUDITOR]), stock.cast.tenant.slug
    url = reverse("admin:medical_audit_event_changelist", kwargs={"slug": slug})
    year = str(clock.now().year)
    for query, answered in (
        ({"event_at__year": year, "event_at__month": "13"}, {}),
        ({"event_at__year": year, "event_at__day": "1"}, {"event_at__year": year}),
    ):
        client.get(url, query)
        assert looks(stock)[-1].get("filter", {}) == answered


def test_events_page_by_keyset_and_lead_to_their_export(stock: Stock) -> None:
    stage: Stage = make_stage(stock.cast)
    actor, now = stage.cast.actor(Role.OPERATOR), clock.now()
    mark = uuid.uuid4().hex
    with tenant_scope(stock.tenant_id):
        for number in range(PAGE_SIZE + 5):
            record(
                "access.denied",
                actor=actor,
                subject=Subject("user", mark, f"{mark}-{number}"),
                now=now + timedelta(seconds=number),
                outcome="denied",
                detail={"view": "v", "code": "not_permitted", "right": "—"},
            )
    client = stage.client(Role.AUDITOR)
    url = reverse("admin:medical_audit_event_changelist", kwargs={"slug": stage.slug})
    first = client.get(url, {"q": mark, "kind": "access.denied"})
    second = client.get(url, {"q": mark, "kind": "access.denied", "after": first.context["seen"].page.next})
    shown = [row.pk for answer in (first, second) for row in answer.context["seen"].rows]
    assert first.context["found"] == len(shown) == len(set(shown)) == PAGE_SIZE + 5
    assert f"ledger/exports/?event=access.denied&amp;q={mark}" in first.content.decode()
    assert client.get(url, {"after": "W1tb" * 500}).status_code == 422  # brackets in brackets
    today = {"event_at__year": now.year, "event_at__month": now.month}
    assert client.get(url, today | {"q": mark}).context["found"] >= PAGE_SIZE
    assert client.get(url, today | {"event_at__year": now.year - 1, "q": mark}).context["found"] == 0
    for odd in (
        {"event_at__year": "9999"},
        {"event_at__year": "x"},
        {"event_at__year": "2026", "event_at__month": "13"},
        {"q": "\x00"},
        {"kind": "\x00"},
    ):
        assert client.get(url, odd).status_code == 200, odd


def test_what_matches_is_taken_as_a_file_with_a_purpose_and_recorded(stock: Stock) -> None:
    stage: Stage = make_stage(stock.cast)
    client, url = (
        stage.client(Role.AUDITOR),
        f"{list_of(WINDOW_OF['accounts.membership'], stage.slug)}?role=auditor",
    )
    for bad in ({}, {"format": "xlsx"}, {"format": "odt", "purpose": "p"}):
        assert client.post(url, bad).status_code == 422
    asked = {"purpose": "四半期の監査"}
    for form in MAKERS:
        answer = client.post(url, asked | {"format": form})
        assert (answer.status_code, answer["Content-Disposition"][:10]) == (200, "attachment"), form
        with tenant_scope(stock.tenant_id):
            event = Event.objects.filter(kind="window.exported").latest("event_at")
        told = json.loads(event.body)["detail"]
        assert told["sha256"] == hashlib.sha256(answer.content).hexdigest()
        assert (told["window"], told["rows"], told["filter"]) == (
            "accounts.membership",
            1,
            {"role": "auditor"},
        )
    text = client.post(url, asked | {"format": "csv"}).content.decode("utf-8-sig")
    assert ("監査人" in text, "閲覧者" in text) == (True, False)
    assert stage.client(Role.OPERATOR).post(url, asked | {"format": "csv"}).status_code == 403


def test_a_link_makes_no_file_in_an_auditors_name(stock: Stock) -> None:
    stage: Stage = make_stage(stock.cast)
    url, asked = (
        list_of(WINDOW_OF["accounts.membership"], stage.slug),
        {"format": "csv", "purpose": "四半期の監査"},
    )
    with tenant_scope(stock.tenant_id):
        before = Event.objects.filter(kind="window.exported").count()
    assert "Content-Disposition" not in stage.client(Role.AUDITOR).get(url, asked)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = stage.client(Role.AUDITOR).cookies
    assert strict.post(url, asked).status_code == 403
    with tenant_scope(stock.tenant_id):
        assert Event.objects.filter(kind="window.exported").count() == before


def test_every_window_can_be_searched_and_goes_by_period_or_says_why() -> None:
    assert {w.code for w in WINDOW_LIST if not w.search_fields} == ONE_ROW
    assert {w.code for w in WINDOW_LIST if not w.date_hierarchy} - ONE_ROW == BY_NAME


def test_codes_are_said_in_words() -> None:
    with translation.override("ja"):
        for key, code, word in (
            ("override.kind", "skip", "1回見送り"),
            ("override.kind", "override", "一時変更"),
            ("override.scope", "resource", "リソース"),
            ("event.actor_type", "user", "利用者"),
            ("membership.role", "auditor", "監査人"),
            ("visit.end", "", "利用中"),
            ("resource.scheduled", True, "はい"),
            ("resource.project", "", "—"),
        ):
            assert value_word(code, key) == word, key
