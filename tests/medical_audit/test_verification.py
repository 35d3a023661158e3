"""Damage done past every guard, by a superuser with the triggers off, is found and named by `audit_verify`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from medical_audit.queries.sealed import NO_ANCHOR
from medical_audit.queries.verification import verify
from tests.conftest import AsRole
from tests.factories import make_tenant
from tests.medical_audit import sealers
from tests.medical_audit.support import Database, note
from tests.medical_audit.threads import race


@pytest.fixture
def tenant_id(django_db_setup: None) -> uuid.UUID:
    """A chain of six events: the founding and five notes, each in its own transaction."""
    tenant_id = make_tenant().id
    for number in range(5):
        note(tenant_id, f"n{number}")
    return tenant_id


def audit_verify(*arguments: str) -> tuple[int, str]:
    """Exit code and standard output."""
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("audit_verify", *arguments, stdout=out, stderr=out)
    assert isinstance(end.value.code, int)
    return end.value.code, out.getvalue()


def report(tenant_id: uuid.UUID) -> tuple[int, dict[str, Any]]:
    code, text = audit_verify("--json", "--tenant", str(tenant_id))
    return code, json.loads(text)


def tamper(database: Database, statements: list[str], tenant_id: uuid.UUID) -> None:
    sealers.tamper(database, *(part for statement in statements for part in (statement, {"t": tenant_id})))


EVENT = "(SELECT event_id FROM ledger.link WHERE tenant_id = %(t)s AND seq = {})"
DROP_EVENT = "DELETE FROM ledger.event WHERE id = " + EVENT
DROP_LINK = "DELETE FROM ledger.link WHERE tenant_id = %(t)s AND seq = {}"
#: Recomputes the hash of one link after its event was edited, as an attacker who has read the sources would.
REHASH = """
UPDATE ledger.link l SET hash = sha256('\\x00'::bytea || l.prev || convert_to(concat_ws(E'\\n', 'toban-event-1', l.tenant_id,
    l.seq, e.id, ledger.utc_text(e.event_at), ledger.utc_text(l.linked_at), ledger.utc_text(l.clock_at), e.txid, e.db_user,
    e.body), 'UTF8')) FROM ledger.event e WHERE e.id = l.event_id AND l.tenant_id = %(t)s AND l.seq = {}
"""
EDIT = "UPDATE ledger.event SET body = replace(body, 'test.n', 'test.x') WHERE id = " + EVENT

DAMAGES: list[tuple[str, list[str], str, int]] = [
    ("a body is edited", [EDIT.format(3)], "edited", 3),
    ("the database user is edited", ["UPDATE ledger.event SET db_user = 'somebody' WHERE id = " + EVENT.format(4)], "edited", 4),
    ("the transaction is edited", ["UPDATE ledger.event SET txid = 1 WHERE id = " + EVENT.format(4)], "edited", 4),
    ("the id is edited", ["UPDATE ledger.link SET clock_at = clock_at - interval '1 s' WHERE tenant_id = %(t)s AND seq = 2"], "edited", 2),
    (
        "the time is edited in both places",
        [
            "UPDATE ledger.event SET event_at = event_at - interval '1 us' WHERE id = " + EVENT.format(5),
            "UPDATE ledger.link SET event_at = event_at - interval '1 us' WHERE tenant_id = %(t)s AND seq = 5",
        ],
        "edited",
        5,
    ),
    ("a body is edited and its hash made right", [EDIT.format(3), REHASH.format(3)], "reordered", 4),
    ("the last body is edited and its hash made right", [EDIT.format(6), REHASH.format(6)], "head_differs", 6),
    ("an event is taken out", [DROP_EVENT.format(3)], "removed", 3),
    ("an event is taken out with its link", [DROP_EVENT.format(3), DROP_LINK.format(3)], "removed", 3),
    ("a link is taken out", [DROP_LINK.format(4)], "removed", 4),
    ("an event is given to another tenant", ["UPDATE ledger.event SET tenant_id = gen_random_uuid() WHERE id = " + EVENT.format(3)], "removed", 3),
    (
        "two events are swapped",
        ["UPDATE ledger.link SET seq = 9 - seq + 1000 WHERE tenant_id = %(t)s AND seq IN (4, 5)",
         "UPDATE ledger.link SET seq = seq - 1000 WHERE tenant_id = %(t)s AND seq > 1000"],
        "reordered",
        4,
    ),
    ("the newest event is cut off", [DROP_EVENT.format(6), DROP_LINK.format(6)], "tail_cut", 6),
    (
        "the newest three are cut off",
        ["DELETE FROM ledger.event WHERE id IN (SELECT event_id FROM ledger.link WHERE tenant_id = %(t)s AND seq > 3)",
         "DELETE FROM ledger.link WHERE tenant_id = %(t)s AND seq > 3"],
        "tail_cut",
        4,
    ),
    ("the newest link is cut off, its event left", [DROP_LINK.format(6)], "unlinked", 6),
    (
        "everything but the head is wiped",
        ["DELETE FROM ledger.event WHERE tenant_id = %(t)s", "DELETE FROM ledger.link WHERE tenant_id = %(t)s"],
        "tail_cut",
        1,
    ),
    ("the head is taken away", ["DELETE FROM ledger.head WHERE tenant_id = %(t)s"], "head_differs", 6),
    ("the head is set back", ["UPDATE ledger.head SET seq = 4 WHERE tenant_id = %(t)s"], "head_differs", 4),
    ("the first event is taken out", [DROP_EVENT.format(1), DROP_LINK.format(1)], "removed", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("statements", "kind", "seq"), [row[1:] for row in DAMAGES], ids=[row[0] for row in DAMAGES]
)
def test_damage_is_found_and_named(
    statements: list[str],
    kind: str,
    seq: int,
    tenant_id: uuid.UUID,
    as_role: AsRole,
    superuser_connection: Database,
) -> None:
    tamper(superuser_connection, statements, tenant_id)
    with as_role("audit"):
        code, found = report(tenant_id)
    (tenant,) = found["tenants"]
    assert (code, found["intact"]) == (1, False)
    assert (tenant["damage"]["kind"], tenant["damage"]["seq"]) == (kind, seq)


def test_one_damaged_chain_does_not_hide_the_others(
    tenant_id: uuid.UUID, as_role: AsRole, superuser_connection: Database
) -> None:
    whole = make_tenant().id
    tamper(superuser_connection, [EDIT.format(3)], tenant_id)
    with as_role("audit"):
        code, text = audit_verify("--json")
    found = json.loads(text)
    assert (code, found["intact"]) == (1, False)
    assert found["events"] == sum(tenant["events"] for tenant in found["tenants"])
    by_tenant = {tenant["tenant"]: tenant for tenant in found["tenants"]}
    assert by_tenant[str(whole)] == {
        "tenant": str(whole),
        "events": 1,
        "sealed": 0,
        "lost": [],
        "gone": [],
        "intact": True,
        "damage": None,
    }
    damage = by_tenant[str(tenant_id)].pop("damage")
    assert by_tenant[str(tenant_id)] == {
        "tenant": str(tenant_id),
        "events": 2,
        "sealed": 0,
        "lost": [],
        "gone": [],
        "intact": False,
    }
    assert set(damage) == {"kind", "seq", "event"}
    assert uuid.UUID(damage["event"])


def test_a_chain_that_lost_its_head_is_still_among_all_chains(
    tenant_id: uuid.UUID, as_role: AsRole, superuser_connection: Database
) -> None:
    tamper(superuser_connection, ["DELETE FROM ledger.head WHERE tenant_id = %(t)s"], tenant_id)
    with as_role("audit"):
        code, text = audit_verify("--json")
    assert code == 1
    assert str(tenant_id) in [
        tenant["tenant"] for tenant in json.loads(text)["tenants"] if not tenant["intact"]
    ]


def test_a_whole_chain_is_called_so_and_its_end_left_open_where_no_anchor_is_named(
    tenant_id: uuid.UUID, as_role: AsRole
) -> None:
    with as_role("audit"):
        assert report(tenant_id) == (
            2,
            {
                "intact": None,
                "doubt": NO_ANCHOR,
                "events": 6,
                "tenants": [
                    {
                        "tenant": str(tenant_id),
                        "events": 6,
                        "sealed": 0,
                        "lost": [],
                        "gone": [],
                        "intact": True,
                        "damage": None,
                    }
                ],
                "platform": {"intact": True, "damage": None},
                "seals": {
                    "newest": 0,
                    "at": None,
                    "damage": None,
                    "silences": [],
                    "restores": [],
                    "guarded_by_the_database": False,
                    "anchors": [],
                    "stamps": {"count": 0, "newest": 0, "at": None, "not_checked": None},
                },
                "received": None,
            },
        )
        code, text = audit_verify("--tenant", str(tenant_id))
    assert (code, text.split("\n")[:2]) == (2, [f"{tenant_id}: 6 events, intact", f"cannot say: {NO_ANCHOR}"])


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--bundle", "nowhere.zip"]])
def test_without_the_seals_keys_nothing_is_called_whole_or_damaged(
    arguments: list[str], tenant_id: uuid.UUID, as_role: AsRole
) -> None:
    """Neither is a bundle checked by its own keys, nor is a sound ledger called damaged."""
    with as_role("audit"), override_settings(TOBAN_SEAL_PUBLIC_KEYS=()):
        code, text = audit_verify(*arguments)
    assert code == 2
    assert "TOBAN_SEAL_PUBLIC_KEYS is empty" in text


def test_the_words_for_people_name_kind_and_place(
    tenant_id: uuid.UUID, as_role: AsRole, superuser_connection: Database
) -> None:
    tamper(superuser_connection, [EDIT.format(3)], tenant_id)
    with as_role("audit"):
        code, text = audit_verify("--tenant", str(tenant_id))
    assert (code, text.strip()) == (1, f"{tenant_id}: 2 events, DAMAGED (edited at 3)")


@pytest.mark.parametrize("role", ["web", "worker", "scheduler", "owner"])
def test_a_role_that_cannot_see_every_chain_cannot_say(
    role: str, tenant_id: uuid.UUID, as_role: AsRole
) -> None:
    with as_role(role):
        code, text = audit_verify("--json")
        assert code == 2
        assert json.loads(text)["intact"] is None
        assert json.loads(text)["error"]
        code, text = audit_verify()
        assert code == 2
        assert text.startswith("cannot say: ")


def test_a_tenant_without_any_event_is_not_called_whole(as_role: AsRole) -> None:
    """An id that stands nowhere is a slip of the pen, not an intact record."""
    with as_role("audit"):
        code, text = audit_verify("--json", "--tenant", str(uuid.uuid4()))
    assert code == 2
    assert json.loads(text)["intact"] is None


@pytest.mark.parametrize("read", ["ledger.head", "ledger.link l LEFT JOIN", "NOT EXISTS"])
def test_events_that_arrive_while_a_chain_is_read_are_no_damage(
    read: str, tenant_id: uuid.UUID, as_role: AsRole
) -> None:
    """Another process commits right before one of the verifier's queries."""
    told: list[str] = []

    def meanwhile(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if read in sql and len(told) < 3:
            told.append(sql)
            assert race(1, lambda _: note(tenant_id, "meanwhile", count=3)) == [None]
        return execute(sql, params, many, context)

    with as_role("audit"), connection.execute_wrapper(meanwhile):
        found = verify(tenant_id)
    assert told
    assert found.intact, found.damage


def test_long_chains_are_read_in_pages(as_role: AsRole) -> None:
    tenant_id = make_tenant().id
    note(tenant_id, "many", count=30)
    with as_role("audit"):
        assert [verify(tenant_id, page=size).events for size in (1, 7, 31, 32)] == [31] * 4
