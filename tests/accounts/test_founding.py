"""The first tenant of an installation: founded with two people, who can work from then on; or nothing at all."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.domain.permissions import Role
from accounts.models import Membership, Tenant, User
from accounts.operations import founding, members
from accounts.operations.founding import First
from medical_audit import clock
from medical_audit.domain.errors import Refused
from medical_audit.models import Event
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.accounts.test_reissue import confirm
from tests.factories import PASSWORD, Cast, make_person, unique
from tests.stage import signed_in

OTHER = "another-horse-battery-8"


def found(monkeypatch: pytest.MonkeyPatch, typed: str, *arguments: str, **named: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    call_command(
        "found_tenant", *arguments, by="情報システム部 山田", language="en", stdout=io.StringIO(), **named
    )


def test_two_people_can_work_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slug, one, two = f"t{unique()}", f"first-{unique()}", f"second-{unique()}"
    found(
        monkeypatch,
        f"{PASSWORD}\n{OTHER}\n",
        slug,
        "桜川病院",
        administrator=f"{one}:管理 一郎",
        approver=f"{two}:確定 玲子",
    )
    with platform_scope():
        people = {name: User.objects.get(username=name) for name in (one, two)}
    with platform_scope(user_id=people[one].id):
        tenant = Tenant.objects.get(slug=slug)
    with tenant_scope(tenant.id):
        roles = {(row.user.username, row.role) for row in Membership.objects.select_related("user")}
        assert roles == {(one, Role.ADMINISTRATOR), (two, Role.APPROVER)}
        assert Event.objects.filter(kind="tenant.founded").get().actor_name == "情報システム部 山田"
    for name, password in ((one, PASSWORD), (two, OTHER)):
        assert people[name].check_password(password)
        assert signed_in(people[name]).get(f"/t/{slug}/").status_code == 200


def test_who_has_an_account_already_keeps_his_password(monkeypatch: pytest.MonkeyPatch) -> None:
    known, slug = make_person("known"), f"t{unique()}"
    found(
        monkeypatch,
        f"{OTHER}\n",
        slug,
        "港病院",
        administrator=known.username,
        approver=f"new-{unique()}:確定 次郎",
    )
    with platform_scope():
        known.refresh_from_db()
    assert known.check_password(PASSWORD)
    assert signed_in(known).get(f"/t/{slug}/").status_code == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slug": "Not A Slug"}, "small letters"),
        ({"name": " "}, "tenant's name"),
        ({"colour": "red"}, "#2f6fde"),
        ({"approver": "{one}:X"}, "two people"),
        ({"approver": "a:X"}, "2 to 60"),
        ({"approver": "nameless-{one}"}, "person's name"),
        ({"typed": f"{PASSWORD}\nsakura\n"}, "known from breaches"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_founded(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    slug, one = f"t{unique()}", f"first-{unique()}"
    given = {
        "slug": slug,
        "name": "病院",
        "colour": "#2f6fde",
        "approver": "second-{one}:X",
        "typed": f"{PASSWORD}\n{OTHER}\n",
    }
    given = {name: text.format(one=one) for name, text in (given | changes).items()}
    with pytest.raises(CommandError, match=said):
        found(
            monkeypatch,
            given.pop("typed"),
            given.pop("slug"),
            given.pop("name"),
            administrator=f"{one}:管理",
            **given,
        )
    with platform_scope():
        assert not User.objects.filter(username=one).exists()


def test_two_ways_to_write_one_name_are_one_person_and_an_unused_link_lets_nobody_found(cast: Cast) -> None:
    slug, known, now = f"t{unique()}", f"sato-{unique()}", clock.now()

    def refused(administrator: First, approver: First) -> str:
        with pytest.raises(Refused) as why:
            founding.found(slug, "病院", "#2f6fde", administrator, approver, founder="情シス", now=now)
        return why.value.code

    one, other = First(known, "佐藤", PASSWORD), First(f"mori-{unique()}", "森", OTHER)
    assert refused(one, replace(one, username=f" {known}", password=OTHER)) == "same_person"
    assert refused(replace(one, username=f" {known}"), one) == "same_person"
    assert refused(one, replace(one, username=known.replace("s", "ſ"), password=OTHER)) in (
        "same_person",
        "bad_username",
    )
    invited = members.enter_invite(
        known, "佐藤", "viewer", actor=cast.actor(Role.ADMINISTRATOR), now=now, reason="r"
    )
    confirm(invited.operation, cast)
    assert refused(one, other) == "not_ones_own"
    mine = replace(other, password=f"{slug}-2026!!!!")
    assert refused(First(f"hara-{unique()}", "原", PASSWORD), mine) == "weak_password"


def test_a_taken_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    slug = f"t{unique()}"
    for number in range(2):
        one, two = f"first-{unique()}", f"second-{unique()}"
        arguments: dict[str, str] = {"administrator": f"{one}:管理", "approver": f"{two}:確定"}
        if number == 0:
            found(monkeypatch, f"{PASSWORD}\n{OTHER}\n", slug, "病院", **arguments)
        else:
            with pytest.raises(CommandError, match="already"):
                found(monkeypatch, f"{PASSWORD}\n{OTHER}\n", slug, "病院", **arguments)
            with platform_scope():
                assert not User.objects.filter(username=one).exists()
