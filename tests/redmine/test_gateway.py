"""What the gateway makes of a Redmine's answers: values, or errors with a name."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from config.simulator.redmine import KEY, SimulatedRedmine
from redmine_sync.domain import problems
from redmine_sync.domain.issues import NewIssue
from redmine_sync.redmine import RedmineTickets
from redmine_sync.redmine.commits import READING_S, RedmineCommits
from redmine_sync.redmine.session import Session
from tests.redmine.shop import Place

FIELD = 1


@pytest.fixture
def tickets(place: Place) -> RedmineTickets:
    return RedmineTickets(place.url, place.key)


def new(place: Place, key: str) -> NewIssue:
    return NewIssue(place.project, place.tracker, "件名 🏥", "本文", key)


def unique() -> str:
    return f"k-{datetime.now(UTC).timestamp()}"  # the real server keeps issues from one run to the next


def test_an_issue_is_found_by_its_key_and_only_by_it(tickets: RedmineTickets, place: Place) -> None:
    key = unique()
    made = tickets.create(new(place, key), FIELD)
    assert [one.id for one in tickets.find(FIELD, key)] == [made.id]
    assert tickets.find(FIELD, f"{key}x") == []
    assert made.key == key
    assert made.updated_on.tzinfo is not None


def test_a_note_and_a_move_come_back_as_a_journal(tickets: RedmineTickets, place: Place) -> None:
    made = tickets.create(new(place, unique()), FIELD)
    tickets.update(made.id, notes="終わりました。", status_id=place.closed_status)
    read = tickets.read(made.id, FIELD)
    (journal,) = read.journals
    assert (journal.notes, journal.status, journal.author_id) == (
        "終わりました。",
        place.closed_status,
        tickets.me().id,
    )
    assert (read.status_id, read.closed_on is not None) == (place.closed_status, True)
    assert [one.id for one in tickets.find(FIELD, made.key)] == [made.id]  # closed ones, too


def test_changed_issues_come_oldest_first(tickets: RedmineTickets, place: Place) -> None:
    made = [tickets.create(new(place, unique()), FIELD) for _ in range(2)]
    page = tickets.changed(FIELD, made[0].updated_on, offset=0)
    times = [one.updated_on for one in page.issues]
    assert times == sorted(times)
    assert {one.id for one in made} <= {one.id for one in page.issues}
    assert [one.id for one in tickets.among(FIELD, [made[0].id, 10**8])] == [made[0].id]


def test_a_wrong_key_a_missing_issue_and_refused_content_have_names(
    tickets: RedmineTickets, place: Place
) -> None:
    with pytest.raises(problems.KeyRefused):
        RedmineTickets(place.url, "f" * 40).me()
    with pytest.raises(problems.Missing):
        tickets.read(10**8, FIELD)


def test_a_field_that_is_no_filter_gives_strangers_and_none_is_taken(fake: SimulatedRedmine) -> None:
    tickets = RedmineTickets(fake.url, KEY)
    assert tickets.key_is_filtered(FIELD, "nobody") is None  # no issue yet: nothing to tell by
    tickets.create(NewIssue(1, 1, "a", "b", "theirs"), FIELD)
    assert tickets.key_is_filtered(FIELD, "nobody") is True
    fake.filters.clear()
    assert tickets.key_is_filtered(FIELD, "nobody") is False
    with pytest.raises(problems.FilterBroken):
        tickets.find(FIELD, "mine")


def test_an_issue_that_does_not_keep_its_key_is_told(fake: SimulatedRedmine) -> None:
    fake.fields.clear()
    with pytest.raises(problems.KeyNotKept):
        RedmineTickets(fake.url, KEY).create(NewIssue(1, 1, "a", "b", "key"), FIELD)


@pytest.mark.parametrize(
    ("status", "name"),
    [(429, "Busy"), (502, "Busy"), (503, "Busy"), (504, "Busy"), (500, "Broken"), (403, "Forbidden"), (404, "Missing"),
     (422, "Invalid"), (413, "Invalid"), (418, "Invalid"), (301, "NotRedmine"), (599, "NotRedmine")],
)  # fmt: skip
def test_each_status_has_its_error(fake: SimulatedRedmine, status: int, name: str) -> None:
    fake.down = status
    with pytest.raises(getattr(problems, name)):
        RedmineTickets(fake.url, KEY).me()


class Odd(BaseHTTPRequestHandler):
    """Answers with what its server holds; notes which host got which key."""

    server: Any

    def do_GET(self) -> None:
        self.server.keys.append(self.headers.get("X-Redmine-API-Key"))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for _ in range(self.server.times):
                self.wfile.write(body)
        except OSError:
            pass  # the other side has had enough

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def odd() -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), Odd)
    server.keys, server.times, server.answer = [], 1, (200, {}, b"")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def at(server: Any) -> RedmineTickets:
    return RedmineTickets(f"http://127.0.0.1:{server.server_port}", "secret")


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere(odd: Any, fake: SimulatedRedmine) -> None:
    odd.answer = (302, {"Location": f"{fake.url}/users/current.json"}, b"")
    with pytest.raises(problems.NotRedmine):
        at(odd).me()
    assert (odd.keys, fake.asked) == (["secret"], [])


@pytest.mark.parametrize(
    "body",
    [b"<html>Sign in</html>", b"[]", b"{}", b'{"user": null}', b'{"user": {"id": "x"}}', b'{"user": {"id": 1e999}}',
     b'{"user": {"id": 4294967296}}', b'{"user": {"id": -1}}'],
)  # fmt: skip
def test_what_is_no_redmine_is_told_apart(odd: Any, body: bytes) -> None:
    odd.answer = (200, {}, body)
    with pytest.raises(problems.NotRedmine):
        at(odd).me()


@pytest.mark.parametrize("at_time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_with_which_nobody_can_reckon_is_no_redmines(odd: Any, at_time: str) -> None:
    odd.answer = (200, {}, json.dumps({"issue": issue_of(updated_on=at_time)}).encode())
    with pytest.raises(problems.NotRedmine):
        at(odd).read(1, FIELD)


def test_journals_are_in_order_whatever_the_user_of_the_key_prefers(odd: Any) -> None:
    """Redmine gives them the newest first to a user who likes to read them so."""
    journals = [{"id": number, "created_on": "2026-11-30T01:00:00Z"} for number in (9, 7, 3)]
    odd.answer = (200, {}, json.dumps({"issue": issue_of(journals=journals)}).encode())
    assert [one.id for one in at(odd).read(1, FIELD).journals] == [3, 7, 9]


def issue_of(**more: Any) -> dict[str, Any]:
    given = {
        "id": 1,
        "project": {"id": 1},
        "status": {"id": 1, "name": "新規"},
        "updated_on": "2026-11-30T01:00:00Z",
    }
    return given | more


def test_an_endless_answer_is_cut_off(odd: Any) -> None:
    odd.answer, odd.times = (200, {}, b" " * 1_000_000), 20
    with pytest.raises(problems.NotRedmine):
        at(odd).me()


def test_nobody_there_is_told_apart_from_no_answer() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(problems.Unreachable):  # not listening yet: nothing was sent
            RedmineTickets(url, "k").me()
        listening.listen()

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(10)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(problems.NoAnswer):
            RedmineTickets(url, "k").me()
        thread.join()


def test_a_server_that_takes_the_question_and_stays_silent_is_left_at_the_deadline() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # the system takes the connection, and nobody ever answers
        with pytest.raises(problems.NoAnswer):
            Session(deadline_s=0.3).get(f"http://127.0.0.1:{listening.getsockname()[1]}/users/current.json")


@pytest.mark.parametrize("head", [b"Content-Length: 100\r\n\r\n", b"X-Slow: "])
def test_a_server_that_answers_letter_by_letter_is_left_at_the_deadline(head: bytes) -> None:
    """Each letter is in time, the whole never would be."""
    sent: list[int] = []
    gone = threading.Event()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + head)
                while len(sent) < 100 and not gone.wait(0.02):
                    connection.sendall(b"x")
                    sent.append(1)

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(problems.NoAnswer):
            Session(deadline_s=0.3).get(f"http://127.0.0.1:{listening.getsockname()[1]}/users/current.json")
        gone.set()
        thread.join()
    assert len(sent) < 100


def test_a_look_ends_however_much_a_server_has_to_tell(odd: Any) -> None:
    tickets = RedmineTickets(f"http://127.0.0.1:{odd.server_port}", "secret", patience_s=-1)
    with pytest.raises(problems.NoAnswer):
        tickets.statuses()
    assert odd.keys == []


def test_what_takes_redmine_minutes_is_waited_for_in_silence(odd: Any) -> None:
    """Redmine says nothing while it reads a thousand commits: only the deadline of the whole ends the wait."""
    waited = []

    class Noting(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            waited.append(kwargs["timeout"][1])
            return super().send(request, *args, **kwargs)

    for deadline in (5.0, READING_S):
        session = Session(deadline)
        session.mount("http://", Noting())
        session.get(f"http://127.0.0.1:{odd.server_port}/")
    assert waited == [5.0, READING_S]


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_page_for_people_is_not_redmines_word_about_one_issue(odd: Any, status: int) -> None:
    """A proxy that has lost its Redmine says 404 to everything: no ticket is gone because of that. Redmine's own refusals of
    an API call have no page."""
    odd.answer = (status, {"Content-Type": "text/html; charset=utf-8"}, b"<html>default backend</html>")
    with pytest.raises(problems.NotRedmine):
        at(odd).read(1, FIELD)
    with pytest.raises(problems.NotRedmine):
        RedmineCommits(f"http://127.0.0.1:{odd.server_port}", "secret", "service").linked(1)


def test_letters_that_no_database_takes_do_not_come_in(odd: Any) -> None:
    status = {"id": 1, "name": "a\u0000b\ud800c", "is_closed": False}
    odd.answer = (200, {}, json.dumps({"issue_statuses": [status]}).encode())
    assert [one.name for one in at(odd).statuses()] == ["ab?c"]


def test_a_refusal_can_be_kept_whatever_letters_it_has(odd: Any) -> None:
    odd.answer = (422, {}, json.dumps({"errors": ["a\u0000b\ud800c"]}).encode())
    with pytest.raises(problems.Invalid) as refused:
        at(odd).statuses()
    assert refused.value.detail == "a b c"


def test_an_answer_that_is_nested_without_end_is_no_redmine(odd: Any) -> None:
    odd.answer = (422, {}, b"[" * 200_000)
    with pytest.raises(problems.Invalid):
        at(odd).me()
    odd.answer = (200, {}, b"[" * 200_000)
    with pytest.raises(problems.NotRedmine):
        at(odd).me()
