"""What no honest person types: into every form class, and into every field of every page that takes any. None of it is a defect."""

from __future__ import annotations

import ast
import inspect
import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import QueryDict
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import accounts.forms
import infra.forms.accounts
import infra.forms.database_makings
import infra.forms.databases
import infra.forms.diagnosis
import infra.forms.fleet
import infra.forms.planning
import infra.forms.prices
import infra.forms.projects
import infra.forms.rotations
import infra.forms.schedules
import infra.forms.volumes
import medical_audit.forms
import redmine_sync.forms
from accounts.domain.permissions import Role
from accounts.models import User
from tests.routes import routes
from tests.stage import Stage
from tests.test_matrix import EXPECTED, Asking

MODULES = (
    accounts.forms, infra.forms.accounts, infra.forms.database_makings, infra.forms.databases, infra.forms.diagnosis,
    infra.forms.fleet, infra.forms.planning, infra.forms.prices, infra.forms.projects, infra.forms.rotations,
    infra.forms.schedules, infra.forms.volumes, medical_audit.forms, redmine_sync.forms,
)  # fmt: skip
#: What some forms are told besides what was typed.
BESIDES: dict[str, Any] = {
    "people": [(str(uuid.UUID(int=1)), "somebody")], "kinds": ["ec2.start"], "allowed": ["power.enter"],
    "user": User(username="hanako", name="佐藤 花子"), "fixed": "", "may_confirm": True,
}  # fmt: skip
ODD = (
    "", " ", "\x00", "a\x00b", "9" * 400, "-1", "0", "1e999", "NaN", "½", "٣", "0001-01-01", "9999-12-31", "9999-12-31T23:59",
    "2026-02-30", "25:61", "[]", "{}", '{"what": 1}', "[" * 5000, str(uuid.UUID(int=0)), "not-a-uuid", "<script>", "'; --",
    "%s%(x)s{0}", "\u202e", "😀" * 700, "長" * 6000, "../../etc/passwd", "http://[::1", "https://例え.jp/", "javascript:0", "a,b\r\nc", "*",
)  # fmt: skip
TYPED = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.dates().map(str)
)
#: Fields that say what is to be done: there the words of the code itself lead furthest.
LEADING = frozenset(
    {
        "then",
        "do",
        "go",
        "what",
        "decision",
        "mode",
        "step",
        "verdict",
        "action",
        "kind",
        "scope",
        "wish",
        "stays",
    }
)
BRIEFLY = settings(
    max_examples=8, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
#: Pages of who is not signed in; and those that end the seat that asks.
OUTSIDE = ("accounts:sign-in", "accounts:second-step", "accounts:invitation")
ENDING = ("accounts:sign-out", "accounts:lock")


def form_classes() -> list[type[forms.BaseForm]]:
    found = {
        one for module in MODULES for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, forms.BaseForm) and one.__module__ == module.__name__
    }  # fmt: skip
    return sorted(found, key=lambda one: (one.__module__, one.__qualname__))


def made(form: type[forms.BaseForm], data: Any) -> forms.BaseForm:
    wanted = inspect.signature(form).parameters
    return form(data, **{name: value for name, value in BESIDES.items() if name in wanted})


def test_every_form_of_the_apps_is_among_them() -> None:
    everywhere = {one for one in _below(forms.BaseForm) if one.__module__.partition(".")[0] in APPS}
    assert {one for one in everywhere if ".admin" not in one.__module__} == set(form_classes())


APPS = ("accounts", "infra", "medical_audit", "redmine_sync")


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def test_a_form_takes_anything_and_says_what_is_wrong(stage: Stage) -> None:
    for form in form_classes():
        names = list(made(form, None).fields)

        @BRIEFLY
        @given(values=st.lists(TYPED, min_size=len(names), max_size=len(names)))
        def ask(values: list[str], form: Any = form, names: Any = names) -> None:
            data = QueryDict(mutable=True)
            data.update(dict(zip(names, values, strict=True)))
            bound = made(form, data)
            assert bound.is_valid() or bound.errors, (form, data)

        if names:
            ask()


def leading_words() -> list[str]:
    """Short words that stand in the views themselves."""
    views = {
        inspect.getmodule(inspect.unwrap(one.callback))
        for name, one in routes(get_resolver().url_patterns)
        if _is_page(name)
    }
    words = {
        node.value
        for module in views if module is not None
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier() and len(node.value) < 16
    }  # fmt: skip
    return sorted(words)


def _is_page(name: str) -> bool:
    return not name.startswith(("api", "admin:", "hooks:", "healthz", "readyz", "metrics", "set_language"))


def test_every_field_of_every_page_takes_anything(stage: Stage) -> None:
    words = leading_words()
    fields = {name for form in form_classes() for name in made(form, None).fields}
    names = sorted(fields | LEADING | {word for word in words if word in _read_by_views()})
    client, stranger = stage.client(Role.ADMINISTRATOR), Client()
    pages = [
        one for one in EXPECTED if _is_page(one) and "POST" in EXPECTED[one].by_method and one not in ENDING
    ]
    assert len(pages) > 60
    for name in pages:
        asking = Asking(stage, name)
        url = asking.url()

        @settings(BRIEFLY, max_examples=4)
        @given(values=st.lists(TYPED, min_size=len(names), max_size=len(names)), lead=st.sampled_from(words))
        def ask(values: list[str], lead: str, url: str = url, name: str = name) -> None:
            data = dict(zip(names, values, strict=True)) | dict.fromkeys(LEADING, lead)
            try:
                answer = (stranger if name in OUTSIDE else client).post(url, data)
            except Exception as defect:
                defect.add_note(f"{name} {url} {data}")
                raise
            assert answer.status_code < 500, (name, data)

        ask()


def _read_by_views() -> set[str]:
    """Names of fields that views read without a form: `text_of(request.POST, "name")`, `request.POST.getlist("name")`."""
    found = set()
    views = {
        inspect.getmodule(inspect.unwrap(one.callback))
        for name, one in routes(get_resolver().url_patterns)
        if _is_page(name)
    }
    for module in views:
        for node in ast.walk(ast.parse(inspect.getsource(module))) if module is not None else ():
            if isinstance(node, ast.Call):
                found |= {
                    one.value
                    for one in node.args
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return found
