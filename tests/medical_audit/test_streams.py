"""The stream of DICOM audit messages over syslog-TLS: what goes out, to whom, and what counts as having arrived."""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from lxml import etree

from medical_audit.anchors.syslog import StreamError, send
from medical_audit.domain.anchoring import Payload
from medical_audit.domain.received import Claim, read_received
from medical_audit.domain.restoring import Loss, Restore
from medical_audit.domain.streams import Destination, read_destinations
from medical_audit.operations.sealer import report
from medical_audit.operations.streaming import FIRST_WAIT, Stream, Streamer
from medical_audit.queries import seals
from medical_audit.queries.received import verify_received
from medical_audit.queries.restores import Restored
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import _as_role
from tests.factories import MONDAY_0830, make_tenant
from tests.medical_audit.receivers import Authority, Receiver
from tests.medical_audit.sealers import SealingRoom, make_room, tamper
from tests.medical_audit.support import Database, chain_of, execute, note
from tests.medical_audit.test_outgoing import SCHEMA

#: RFC 5424, with what IHE's ITI-20 asks for: facility 10, severity 5 or 4.
HEADER = re.compile(
    rb"<8[45]>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S{1,255} toban ledger IHE\+RFC-3881 - \xef\xbb\xbf"
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def certificate(ours: Authority) -> tuple[Path, Path]:
    return ours.issue("localhost")


@pytest.fixture
def room(ledger_of_its_own: None, tmp_path: Path) -> SealingRoom:
    return make_room(tmp_path)


def claims(receiver: Receiver, tenant_id: uuid.UUID) -> list[Claim]:
    found = read_received(receiver.messages)
    return [one for one in found if isinstance(one, Claim) and one.tenant_id == tenant_id]


def run(to: Destination, *, until_idle: bool = True) -> Stream:
    """A process that has just started, and sends."""
    stream = Stream(to, send=lambda frames, there: send(frames, there, batch_s=10), machine="host")
    with _as_role("audit"):
        while stream.step() and until_idle:
            pass
    return stream


def kept(to: Destination, tenant_id: uuid.UUID) -> seals.Duty:
    with _as_role("audit"), platform_scope():
        return seals.duties()[to.duty_of(tenant_id)]


def test_each_event_arrives_once_in_order_as_a_valid_message(
    room: SealingRoom, ours: Authority, certificate: tuple[Path, Path], superuser_connection: Database
) -> None:
    tenant_id = make_tenant().id
    note(tenant_id, "日本語", count=3)
    with Receiver(certificate).listening() as receiver:
        to = receiver.to(ours.file)
        run(to)
        note(tenant_id, count=2)
        run(to)
        count = len(receiver.messages)
        run(to)
        assert len(receiver.messages) == count
    for message in receiver.messages:
        header = HEADER.match(message)
        assert header is not None, message[:120]
        found = etree.fromstring(message[header.end() :])
        assert SCHEMA.validate(found), SCHEMA.error_log
    chain = chain_of(superuser_connection, tenant_id)
    assert [(one.seq, one.hash) for one in claims(receiver, tenant_id)] == [(row[0], row[3]) for row in chain]
    assert kept(to, tenant_id).number == chain[-1][0]


def test_a_batch_that_was_cut_is_sent_again_whole_by_the_next_process(
    room: SealingRoom, ours: Authority, certificate: tuple[Path, Path]
) -> None:
    tenant_id = make_tenant().id
    note(tenant_id, count=20)
    receiver = Receiver(certificate, drop_after=9000)
    with receiver.listening():
        to = receiver.to(ours.file, tenants=frozenset({tenant_id}))  # others' events would fill what it takes
        stream = run(to)
        assert stream.wait == FIRST_WAIT
        assert kept(to, tenant_id).number == 0
        assert "cut" in kept(to, tenant_id).problem
    some = claims(receiver, tenant_id)
    assert 0 < len(some) < 20
    receiver.drop_after = None
    with receiver.listening():
        run(to)
    whole = claims(receiver, tenant_id)
    assert [one.seq for one in whole[len(some) :]] == list(range(1, len(whole) - len(some) + 1))
    assert {one.event_id for one in some} < {one.event_id for one in whole}
    assert kept(to, tenant_id).problem == ""


def test_a_receiver_gets_its_own_tenants_only_with_the_seals(
    room: SealingRoom, ours: Authority, certificate: tuple[Path, Path]
) -> None:
    mine, other = make_tenant().id, make_tenant().id
    note(mine)
    note(other)
    sealed = room.seal()
    with Receiver(certificate).listening() as receiver:
        run(receiver.to(ours.file, tenants=frozenset({mine})))
    said = list(read_received(receiver.messages))
    (seal,) = [one for one in said if isinstance(one, Payload)]
    assert (seal.number, seal.note) == (sealed.number, sealed.note)
    assert [head.tenant_id for head in seal.heads] == [mine]
    assert {one.tenant_id for one in said if isinstance(one, Claim)} == {mine}
    assert str(other).encode() not in b"".join(receiver.kept)
    assert base64.b64encode(str(other).encode()) not in b"".join(receiver.kept)


def test_a_receiver_that_lost_what_it_had_is_sent_it_again(
    room: SealingRoom, ours: Authority, certificate: tuple[Path, Path]
) -> None:
    tenant_id = make_tenant().id
    note(tenant_id, count=5)
    with Receiver(certificate).listening() as receiver:
        to = receiver.to(ours.file)
        run(to)
        sent = kept(to, tenant_id).number
        receiver.kept.clear()
        given = {"again": "siem", "tenant": tenant_id}
        with _as_role("audit"), override_settings(TOBAN_STREAMS=(to,)):
            for first in (0, sent + 1):
                with pytest.raises(CommandError, match="was not"):
                    call_command("audit_stream", first=first, **given)
            out = StringIO()
            call_command("audit_stream", first=3, stdout=out, **given)
        assert f"siem:{tenant_id}: 2," in out.getvalue()
        run(to)
    assert [one.seq for one in claims(receiver, tenant_id)] == list(range(3, sent + 1))


def test_what_a_receiver_kept_tells_of_a_cut_that_no_seal_can(
    room: SealingRoom,
    ours: Authority,
    certificate: tuple[Path, Path],
    superuser_connection: Database,
    tmp_path: Path,
) -> None:
    tenant_id = make_tenant().id
    note(tenant_id, count=2)
    room.seal()
    note(tenant_id, count=2)
    with Receiver(certificate).listening() as receiver:
        run(receiver.to(ours.file))
    file = tmp_path / "kept.log"
    file.write_bytes(b"".join(b"%s\n" % one for one in [*receiver.messages, b"a line of somebody else"]))
    assert verified(room, file) == (0, None)
    newest = chain_of(superuser_connection, tenant_id)[-1][0]
    t = {"t": tenant_id, "s": newest - 1}
    tamper(
        superuser_connection,
        "DELETE FROM ledger.event WHERE id IN (SELECT event_id FROM ledger.link WHERE tenant_id = %(t)s AND seq > %(s)s)", t,
        "DELETE FROM ledger.link WHERE tenant_id = %(t)s AND seq > %(s)s", t,
        "UPDATE ledger.head h SET seq = %(s)s, hash = (SELECT hash FROM ledger.link WHERE tenant_id = %(t)s AND seq = %(s)s) "
        "WHERE tenant_id = %(t)s", t,
    )  # fmt: skip
    code, damage = verified(room, file)
    assert code == 1
    assert damage is not None
    assert (damage["kind"], damage["seq"]) == ("tail_cut", newest)


def test_what_a_signed_restore_gave_up_is_lost_and_not_damage(
    room: SealingRoom, superuser_connection: Database
) -> None:
    tenant_id, at = make_tenant().id, MONDAY_0830
    note(tenant_id, count=3)
    right = {seq: digest for seq, _kind, _prev, digest in chain_of(superuser_connection, tenant_id)}
    statement = Restore(1, 9, bytes(32), 8, bytes(32), 1, bytes(32), at, "disk")
    restored = Restored(statement, "", (), {tenant_id: Loss(tenant_id, 3, 5)})

    def claim(seq: int, moment: timedelta, digest: bytes = bytes(32)) -> Claim:
        return Claim(tenant_id, seq, digest, "", at + moment)

    before, after = -timedelta(hours=1), timedelta(hours=1)
    with _as_role("audit"):
        lost = verify_received(
            [claim(1, before, right[1]), claim(3, before), claim(9, before)], room.keys, [restored]
        )
        assert (lost.events, lost.lost, lost.damage) == (3, 2, None)
        for wrong in (claim(2, before), claim(3, after)):
            damage = verify_received([wrong], room.keys, [restored]).damage
            assert damage is not None
            assert (damage.kind, damage.seq) == ("recomputed", wrong.seq)


def verified(room: SealingRoom, file: Path) -> tuple[int, dict[str, Any] | None]:
    """(exit code, what the receiver's file contradicts); the chain and its seals are whole in themselves."""
    out = StringIO()
    with (
        _as_role("audit"),
        override_settings(TOBAN_SEAL_PUBLIC_KEYS=tuple(room.keys)),
        pytest.raises(SystemExit) as ended,
    ):
        call_command("audit_verify", "--json", "--received", str(file), stdout=out)
    found = json.loads(out.getvalue())
    assert all(one["intact"] for one in found["tenants"])
    assert found["seals"]["damage"] is None
    return int(str(ended.value.code)), found["received"]["damage"]


def test_two_processes_do_not_send_to_one_receiver_at_once(room: SealingRoom, ours: Authority) -> None:
    note(make_tenant().id)
    second: list[int] = []
    to = Receiver((ours.file, ours.file)).to(ours.file)

    def meanwhile(frames: Any, there: Destination) -> None:
        other = Streamer([Stream(to, send=lambda *_: second.append(1), machine="host")], look_s=60)
        other.start()
        other.stop(patience_s=10)

    with _as_role("audit"):
        assert Stream(to, send=meanwhile, machine="host").step() > 0
    assert second == []


def test_one_receiver_that_hangs_keeps_no_other_waiting(room: SealingRoom, ours: Authority) -> None:
    note(make_tenant().id)
    released, reached = threading.Event(), threading.Event()
    slow, quick = (Receiver((ours.file, ours.file)).to(ours.file, name) for name in ("slow", "quick"))

    def deliver(frames: Any, to: Destination) -> None:
        if to is slow:
            released.wait(10)
        else:
            reached.set()

    with _as_role("audit"):
        streamer = Streamer([Stream(to, send=deliver, machine="host") for to in (slow, quick)], look_s=60)
        streamer.start()
        assert reached.wait(10)
        released.set()
        streamer.stop(patience_s=10)


WRONG: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "another authority": ("untrusted", {}, {"ca": "theirs"}),
    "another host name": ("untrusted", {"certificate": "elsewhere.example"}, {}),
    "no certificate of ours": ("refused_us", {"clients": True}, {}),
    "a certificate of others": ("refused_us", {"clients": True}, {"client": "theirs"}),
    "it reads nothing": ("slow", {"reads": False}, {}),
    "it closes midway": ("cut", {"drop_after": 1024}, {}),
    "it never answers the closing": ("unanswered", {"answers": False}, {}),
    "nobody listens": ("unreachable", {}, {"port": 1}),
    "a file that is none": ("files", {}, {"ca_file": "/nowhere/ca.pem"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_nothing_counts_as_sent_where_something_is_wrong(
    case: str, ours: Authority, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    code, given, wanted = WRONG[case]
    theirs = Authority(tmp_path, "theirs")
    receiver = Receiver(
        ours.issue(given["certificate"]) if "certificate" in given else certificate,
        clients=ours.file if "clients" in given else None,
        drop_after=given.get("drop_after"), answers=given.get("answers", True), reads=given.get("reads", True),
    )  # fmt: skip
    more: dict[str, Any] = {}
    if "client" in wanted:
        files = theirs.issue("toban")
        more = {"certificate_file": str(files[0]), "key_file": str(files[1])}
    with receiver.listening():
        to = receiver.to(theirs.file if wanted.get("ca") else ours.file, **more)
        to = replace(to, **{name: value for name, value in wanted.items() if name in ("port", "ca_file")})
        with pytest.raises(StreamError) as raised:
            send([b"5 hello" * 300_000], to, batch_s=0.5 if code == "slow" else 10)
    assert raised.value.code == code, raised.value
    assert "/" not in str(raised.value), (
        "a page of a tenant shows it, which need not know the machine's folders"
    )


def test_a_client_certificate_of_the_right_authority_is_let_in(
    ours: Authority, certificate: tuple[Path, Path]
) -> None:
    mine = ours.issue("toban")
    with Receiver(certificate, clients=ours.file).listening() as receiver:
        send(
            [b"5 hello"],
            receiver.to(ours.file, certificate_file=str(mine[0]), key_file=str(mine[1])),
        )
    assert receiver.messages == [b"hello"]


def test_a_receiver_known_not_to_answer_counts_when_it_ends(
    ours: Authority, certificate: tuple[Path, Path]
) -> None:
    with Receiver(certificate, answers=False).listening() as receiver:
        send([b"5 hello"], receiver.to(ours.file, closing="ended"))
    assert receiver.messages == [b"hello"]


BODY = (
    '{"v":1,"kind":"test.odd","at":"x","actor":{"type":"system","id":"","name":"","roles":%s},'
    '"subject":{"type":"x","id":"","name":""},"outcome":"ok"}'
)


@pytest.mark.parametrize("odd", ["7", "1" + "0" * 5000], ids=["another shape", "a huge number"])
def test_an_event_that_cannot_be_read_keeps_no_other_from_the_receiver(
    odd: str, room: SealingRoom, ours: Authority, certificate: tuple[Path, Path]
) -> None:
    """As somebody could write it who has a login's password: the database takes it, and its proof goes out."""
    poisoned, other = make_tenant().id, make_tenant().id
    with _as_role("worker"), tenant_scope(poisoned):
        execute("SELECT ledger.log(%s, %s)", [poisoned, [BODY % odd]])
    note(poisoned)
    note(other)
    with Receiver(certificate).listening() as receiver:
        run(receiver.to(ours.file))
    found = claims(receiver, poisoned)
    assert [one.seq for one in found] == list(range(1, len(found) + 1))
    assert (len(found) >= 2, len(claims(receiver, other)) >= 1) == (True, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[stream]]\nname = "a"\nhost = "h"\ntenants = "all"\nverify = false', "verify is not known"),
        ('[[stream]]\nname = "A"\nhost = "h"\ntenants = "all"', "needs a name"),
        ('[[stream]]\nname = "a"\nhost = "https://h"\ntenants = "all"', "host must be"),
        ('[[stream]]\nname = "a"\nhost = "h"\ntenants = []', "tenants must be"),
        ('[[stream]]\nname = "a"\nhost = "h"\ntenants = "all"\nca_file = "ca.pem"', "absolute path"),
        ('[[stream]]\nname = "a"\nhost = "h"\ntenants = "all"\nkey_file = "/k"', "belong together"),
        ('[[stream]]\nname = "a"\nhost = "h"\ntenants = "all"\n' * 2, "same name"),
        ("stream = 1", r"\[\[stream\]\]"),
    ],
)
def test_a_receiver_written_wrongly_stops_the_start_with_its_cure(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_destinations(text)


def test_a_receiver_as_the_documentation_writes_it() -> None:
    text = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
    (one,) = read_destinations(text.partition("```toml\n")[2].partition("```")[0])
    assert (one.port, one.closing, one.tenants is None) == (6514, "answered", False)


def test_a_duty_that_failed_keeps_its_place(room: SealingRoom) -> None:
    number = room.seal().number
    with _as_role("audit"):
        report("stream:x:seals", number, "")
        report("stream:x:seals", 0, "unreachable: refused")
        with platform_scope():
            duty = seals.duties()["stream:x:seals"]
    assert (duty.number, duty.problem) == (number, "unreachable: refused")
