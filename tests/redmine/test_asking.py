"""A person asks for a ticket of a left-over volume: one each, where the rules say, and never a second one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from infra.models import Volume
from infra.operations.leftovers import facts_of, held, record_of
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import TicketState
from redmine_sync.operations.asking import ask_for_volumes
from tests.conftest import _as_role
from tests.redmine.conftest import People
from tests.redmine.shop import Shop
from tests.stage import make_stage, signed_in

CLOSED, NEW = 5, 1
WHY = "所有者に確認してもらうため"


def left(shop: Shop, number: int = 1, project: str = "電子カルテ") -> list[Volume]:
    since = shop.clock() - timedelta(days=100)
    return make_stage(shop.cast).volumes(
        number, state="available", detached_at=since, tags={"Project": project}
    )


def asks(shop: Shop, rows: Sequence[Volume], role: Role = Role.OPERATOR) -> tuple[int, list[str]]:
    """How many are asked for, and why the others are not."""
    _, asked, undone = ask_for_volumes(
        [row.id for row in rows], actor=shop.actor(role), now=shop.clock(), reason=WHY
    )
    return len(asked), [one.code for one in undone]


def looks(shop: Shop, kind: str, rows: Sequence[Volume]) -> None:
    """What a look at AWS writes about these volumes."""
    with _as_role("worker"), tenant_scope(shop.tenant_id):
        found = list(held([row.id for row in rows]).values())
        actor = system_actor(shop.tenant_id, "worker")
        record_of(kind, found, actor, shop.clock(), lambda row: facts_of(row, shop.clock()))


def test_who_asks_gets_one_ticket_though_no_rule_tells_of_volumes(shop: Shop, people: People) -> None:
    shop.connect()
    shop.rule()
    (row,) = left(shop)
    assert asks(shop, [row, row]) == (1, [])
    assert asks(shop, [row]) == (0, ["ticket_asked"])  # nobody has followed the ledger yet
    shop.serve()
    seen = people.look(shop.ticket().issue or 0)
    assert all(word in seen["description"] for word in (WHY, row.volume_id, shop.actor(Role.OPERATOR).name))
    assert asks(shop, [row]) == (0, ["ticket_there"])
    looks(shop, "volume.taken_up", [row])
    shop.serve(minutes=1)
    assert people.look(shop.ticket().issue or 0)["status"] == CLOSED
    # It is left over once more, so it is the same ticket once more.
    assert asks(shop, [row]) == (1, [])
    shop.serve(minutes=1)
    assert (shop.ticket().state, people.look(shop.ticket().issue or 0)["status"]) == (TicketState.OPEN, NEW)


def test_a_rule_that_comes_later_makes_no_second_ticket_of_it(shop: Shop) -> None:
    shop.connect()
    shop.rule()
    asked, other = left(shop, 2)
    looks(shop, "volume.left_over", [asked])
    looks(shop, "volume.taken_up", [asked])
    looks(shop, "volume.left_over", [asked, other])
    assert asks(shop, [asked]) == (1, [])
    shop.serve()
    shop.rule(topics={"volume": "digest"})
    shop.serve()
    shop.serve(minutes=6)
    own, all_of_them = sorted(shop.tickets(), key=lambda ticket: not ticket.target_id)
    assert (own.target_id, own.times, own.state) == (str(asked.id), 1, TicketState.OPEN)
    assert list(all_of_them.items) == [str(other.id)]
    assert asks(shop, [asked, other]) == (0, ["ticket_there", "ticket_there"])


def test_nothing_is_asked_for_that_cannot_become_a_ticket(shop: Shop) -> None:
    (row,) = left(shop)
    with pytest.raises(NotPermitted):
        asks(shop, [row], Role.VIEWER)
    with pytest.raises(Refused) as refused:
        asks(shop, [row])
    assert refused.value.code == "redmine_not_connected"
    shop.connect()
    shop.rule("医事会計")
    (ruled,) = left(shop, project="医事会計")
    used, late = make_stage(shop.cast).volumes(2, state="available", detached_at=shop.clock())
    assert asks(shop, [row, used, ruled, late]) == (1, ["no_ticket_rule", "not_left_over", "not_left_over"])


def test_the_page_offers_it_and_shows_the_ticket_and_so_does_the_api(shop: Shop) -> None:
    stage = make_stage(shop.cast)
    (row,) = left(shop)
    client = signed_in(shop.cast.people[Role.OPERATOR])
    pages = (stage.url("volumes/left-over/"), stage.url(f"volumes/{row.id}/"))
    url = stage.url("tickets/left-over/")
    for page in pages:
        assert url not in client.get(page).content.decode()
    assert (
        client.post(url, {"ids": [str(row.id)], "reason": WHY}).context["refused"] == "redmine_not_connected"
    )
    shop.connect()
    shop.rule()
    for page in pages:
        assert url in client.get(page).content.decode()
    sent = {"ids": [str(row.id)], "reason": WHY, "back": "volume"}
    assert client.post(url, sent).headers["Location"] == pages[1]
    again = client.post(url, sent)
    assert [one.code for one in again.context["undone"]] == ["ticket_asked"]
    # What is pressed on that answer is decided where it belongs, and asks for no more tickets.
    form = re.search(r'<form class="bulk"[^>]*>', again.content.decode(), re.DOTALL)
    assert form
    assert f'action="{pages[0]}"' in form[0]
    shop.serve()
    issue = f"{shop.place.url}/issues/{shop.ticket().issue}"
    for page in pages:
        assert issue in client.get(page).content.decode()
    (told,) = client.get(stage.api(f"tickets/?target={row.id}")).json()["results"]
    assert told["url"] == issue
