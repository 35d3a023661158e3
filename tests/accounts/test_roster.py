"""A personnel list held against the members: what it says otherwise, row by row; nothing happens by the file alone."""

from __future__ import annotations

import contextlib
import html
import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.domain.permissions import Role
from accounts.domain.roster import Known, Listed, Unreadable, What, compare, read_roster
from accounts.domain.terms import Terms, instants
from accounts.models import User
from medical_audit import clock
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.tenancy import tenant_scope
from tests.factories import Cast, unique
from tests.stage import make_stage

TODAY = date(2026, 11, 26)
HEAD = "利用者名,氏名,メール,入職日,退職日\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_it_reads_what_excel_writes(encoding: str) -> None:
    people, bad = read_roster(
        (HEAD + "ｓａｔｏ,佐藤 花子,Sato@Example.jp,2026/4/1,\r\n\r\n").encode(encoding)
    )
    assert bad == []
    assert people == [Listed(2, "sato", "佐藤 花子", "sato@example.jp", date(2026, 4, 1), None)]


def test_a_last_day_that_never_comes_is_none() -> None:
    people, bad = read_roster((HEAD + "sato,佐藤,,1984/4/1,9999/12/31\n").encode())
    assert bad == []
    assert (people[0].first, people[0].last) == (date(1984, 4, 1), None)


def test_a_bad_row_is_named_with_its_line_and_keeps_no_other_back() -> None:
    rows = "a b,佐藤,,,\nito,,,,\nkato,加藤,kato,,\nmori,森,,2026-02-30,\nabe,阿部,,,\n\nono\n"
    people, bad = read_roster((HEAD + rows).encode())
    assert [one.username for one in people] == ["abe"]
    assert [(one.line, one.code) for one in bad] == [
        (2, "bad_username"), (3, "bad_person_name"), (4, "bad_mail"), (5, "roster_bad_day"), (8, "bad_person_name"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xff\xfe\x00", "roster_encoding"), ("名前,住所\nx,y".encode(), "roster_columns"), (b"", "roster_columns"), (HEAD.encode(), "roster_empty"),
     (b"x" * 2_000_001, "roster_too_large"), ((HEAD + "a1,b,,,\n" * 5001).encode(), "roster_too_long")],
)  # fmt: skip
def test_what_is_no_such_file_says_why(data: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as wrong:
        read_roster(data)
    assert wrong.value.code == code


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        read_roster(HEAD.encode() + data)


def test_each_difference_has_its_name() -> None:
    listed = [
        Listed(2, "new", "新人"), Listed(3, "same", "同 じ"), Listed(4, "leaver", "退職", last=TODAY - timedelta(days=1)),
        Listed(5, "mover", "異動", last=TODAY), Listed(6, "married", "新姓"), Listed(7, "gone", "来ない", last=date(2020, 1, 1)),
    ]  # fmt: skip
    known = [
        Known("1", "Same", "同じ"), Known("2", "leaver", "退職"), Known("3", "mover", "異動"), Known("4", "married", "旧姓"),
        Known("5", "missing", "不在"), Known("6", "vendor", "保守", of_house=False),
    ]  # fmt: skip
    found = [(one.what, (one.listed or one.known).username) for one in compare(listed, known, TODAY)]  # type: ignore[union-attr]
    assert found == [
        (What.INVITE, "new"), (What.CLOSE, "leaver"), (What.CLOSE, "missing"), (What.CHANGE, "mover"),
        (What.NAME, "married"), (What.UNKNOWN, "vendor"),
    ]  # fmt: skip


def test_whose_row_cannot_be_read_is_not_said_to_be_gone() -> None:
    people, bad = read_roster((HEAD + "sato,佐藤,,,2026-02-30\n").encode())
    unread = frozenset(one.username for one in bad)
    assert compare(people, [Known("1", "sato", "佐藤")], TODAY, unread=unread) == []


@pytest.mark.parametrize(
    "again", ["sato,佐藤,,2026-10-01,", "SATO,佐藤,,2026-10-01,", "sato,佐藤,,2026-02-30,"]
)
def test_who_stands_in_the_list_twice_is_neither_closed_nor_changed(again: str) -> None:
    """Rehired: the old row has a last day that is over, and which of the two holds only a person knows."""
    for rows in (f"sato,佐藤,,,2026-03-31\n{again}\n", f"{again}\nsato,佐藤,,,2026-03-31\n"):
        people, bad = read_roster((HEAD + rows).encode())
        assert people == []
        assert {(one.line, one.username) for one in bad} == {(2, "sato"), (3, "sato")}
        assert "roster_twice" in {one.code for one in bad}
        unread = frozenset(one.username for one in bad)
        assert compare(people, [Known("1", "sato", "佐藤")], TODAY, unread=unread) == []


def test_the_page_shows_the_difference_and_enters_what_is_ticked(cast: Cast) -> None:
    stage, new = make_stage(cast), f"shin-{unique()}"
    client, url = stage.client(Role.ADMINISTRATOR), stage.url("members/reconcile/")
    rows = [
        f"{one.username},{one.name},,,"
        for role, one in cast.people.items()
        if role not in {Role.VIEWER, Role.AUDITOR}
    ]
    last = clock.now().date() + timedelta(days=40)
    rows[0] += f"{last}"
    unread = cast.people[Role.VIEWER]
    begins, ends = last - timedelta(days=20), last + timedelta(days=200)
    rows += [f"{new},新人,,{begins},{ends}", f"{unread.username},{unread.name},,2026-02-30,", "bad name,x,,,"]
    data = (HEAD + "\n".join(rows)).encode("cp932")
    page = client.post(url, {"then": "read", "file": SimpleUploadedFile("jinji.csv", data)}).content.decode()
    chosen = [html.unescape(one) for one in re.findall(r'name="chosen"\s+value="([^"]+)"', page)]
    assert len(chosen) == 3
    # Of whose row cannot be read nothing is known: neither that he is gone nor that he is the same.
    assert f"{len(cast.people) - 3}人は名簿と一致しています。" in page
    assert "bad name" in page
    with tenant_scope(cast.tenant.id):
        assert not Operation.objects.filter(kind__startswith="member.").exists()
        assert not User.objects.filter(username=new).exists()
        assert '"bad_rows":2' in Event.objects.get(kind="member.reconciled").body
    sent = client.post(url, {"then": "enter", "chosen": chosen, "role": "viewer", "reason": "人事突合"})
    assert len(set(re.findall(r"/invitation/[0-9a-f]{32}_[A-Za-z0-9_-]{43}/", sent.content.decode()))) == 1
    with tenant_scope(cast.tenant.id):
        entered = Operation.objects.filter(kind__startswith="member.")
        assert sorted(entered.values_list("kind", flat=True)) == [
            "member.close",
            "member.invite",
            "member.terms",
        ]
        held = entered.get(kind="member.invite").parameters["terms"]
        days = Terms(first=begins, last=ends)
        bounds = instants(days, ZoneInfo("Asia/Tokyo"))
        assert [held["begins_at"], held["ends_at"]] == [utc_text(one) for one in bounds if one]
        assert set(entered.values_list("state", flat=True)) == {State.ENTERED}
    assert (
        client.post(url, {"then": "enter", "chosen": ["[]"], "role": "viewer", "reason": "x"}).status_code
        == 422
    )
    assert client.post(url, {"then": "enter", "role": "viewer", "reason": "x"}).status_code == 422
    assert stage.client(Role.APPROVER).get(url).status_code == 403
