"""Time stamps of seals, by a real authority (`openssl ts`): asked for, checked on arrival, kept, verified, taken along."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import override_settings

from medical_audit.anchors.timestamps import TimeStamper, check_stamp, read_roots
from medical_audit.domain.anchoring import AnchorDoubt, AnchorError
from medical_audit.domain.bundle_verifier import read_stamp, verdict
from medical_audit.domain.checkpoint import note_hash
from medical_audit.operations.sealer import Sealer
from medical_audit.operations.sealing import Sealed
from medical_audit.queries import seals
from medical_audit.queries.bundles import write_bundle
from medical_audit.queries.sealed import Seals, verify_seals
from medical_audit.queries.seals import database_clock
from medical_audit.queries.stamps import newest_stamp
from medical_audit.queries.streams import STAMP
from medical_audit.tenancy import platform_scope
from tests.conftest import _as_role
from tests.factories import make_tenant
from tests.medical_audit.authorities import StampingAuthority
from tests.medical_audit.sealers import SealingRoom, later, make_room
from tests.medical_audit.support import Database, note


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StampingAuthority]:
    with StampingAuthority(tmp_path_factory.mktemp("authority")).listening() as found:
        yield found


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> StampingAuthority:
    return StampingAuthority(tmp_path_factory.mktemp("another"))


@dataclass
class Office:
    """A sealing room with an authority; `sealer` remembers what it has seen, as a process does."""

    room: SealingRoom
    tsa: StampingAuthority
    sealer: Sealer

    def seal(self) -> Sealed:
        with _as_role("audit"):
            sealed = self.sealer.round()
        assert sealed is not None
        return sealed

    def verify(self, root: str = "") -> Seals:
        with _as_role("audit"):
            return verify_seals(self.room.keys, self.room.anchors, tsa_ca_file=root or self.tsa.root)


@pytest.fixture
def office(ledger_of_its_own: None, tsa: StampingAuthority, tmp_path: Path) -> Office:
    room = make_room(tmp_path)
    sealer = room.sealer()
    sealer.stamper = TimeStamper(tsa.url, read_roots(tsa.root))
    return Office(room, tsa, sealer)


def test_a_seal_is_stamped_and_the_next_only_when_it_is_time(office: Office) -> None:
    first = office.seal()
    office.seal()
    with _as_role("audit"), platform_scope():
        kept = newest_stamp()
        duty = seals.duties()[STAMP]
    assert kept is not None
    assert (kept.number, duty.number, duty.problem) == (first.number, first.number, "")
    assert check_stamp(kept.token, first.note, read_roots(office.tsa.root)) == kept.at
    assert read_stamp(kept.token) == (note_hash(first.note), kept.at.replace(microsecond=0))
    assert (office.verify().damage, office.verify().stamps.count) == (None, 1)
    office.sealer.stamp_every = timedelta(0)
    office.seal()
    assert office.verify().stamps.count == 2


def test_an_authority_that_is_away_holds_up_no_seal_and_is_asked_again(office: Office) -> None:
    assert office.sealer.stamper is not None
    url, office.sealer.stamper.url = office.sealer.stamper.url, "http://127.0.0.1:1/"
    assert office.seal().number == 1
    with _as_role("audit"), platform_scope():
        assert "refused" in seals.duties()[STAMP].problem
    office.sealer.stamper.url = url
    assert office.seal().number == 2
    assert office.verify().stamps.number == 2


@pytest.mark.parametrize("answer", [b"", b"<html>no</html>", b"\x30" * 70_000])
def test_what_is_no_stamp_is_refused_on_arrival(
    answer: bytes, tsa: StampingAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tsa, "answer", answer)
    with pytest.raises(AnchorDoubt):
        TimeStamper(tsa.url, read_roots(tsa.root)).stamp("a note\n\nsigned\n")


def test_a_stamp_holds_for_its_seal_its_question_and_its_authority_only(
    tsa: StampingAuthority, other: StampingAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = read_roots(tsa.root)
    stamp = TimeStamper(tsa.url, roots).stamp("a note\n\nsigned\n")
    with pytest.raises(AnchorDoubt):
        check_stamp(stamp.token, "another note\n\nsigned\n", roots)
    with pytest.raises(AnchorDoubt):
        check_stamp(stamp.token, "a note\n\nsigned\n", read_roots(other.root))
    monkeypatch.setattr(tsa, "answer", stamp.token)  # an old answer, replayed
    with pytest.raises(AnchorDoubt, match="Nonce"):
        TimeStamper(tsa.url, roots).stamp("a note\n\nsigned\n")
    with pytest.raises(AnchorError, match="nowhere"):
        read_roots("/nowhere/root.pem")


def test_a_stamp_of_another_time_is_not_kept(office: Office) -> None:
    """Kept, it would be damage for good: nothing is ever taken out of the record again."""
    office.sealer.clock = later(-timedelta(minutes=10))
    office.seal()
    office.sealer.clock = database_clock
    assert office.verify().stamps.count == 0
    with _as_role("audit"), platform_scope():
        assert "apart" in seals.duties()[STAMP].problem
    office.seal()
    assert office.verify().stamps.count == 1


def test_an_authority_that_never_ends_its_answer_holds_up_no_seal(tsa: StampingAuthority) -> None:
    """It sends a byte now and then, so that no single wait is too long."""
    ended, left = threading.Event(), threading.Event()

    def drip(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        with plain, suppress(OSError):
            plain.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(100):
                if left.wait(0.05):
                    return
                plain.sendall(b"x")
        ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=[listener], daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        stamper = TimeStamper(address, read_roots(tsa.root), timeout_s=0.2)
        try:
            for said in ("no answer within", "still under way"):
                with pytest.raises(AnchorError, match=said):
                    stamper.stamp("a note\n\nsigned\n")
            assert not ended.is_set()
        finally:
            left.set()
            thread.join(5)


def test_verification_names_a_stamp_that_does_not_fit(
    office: Office, other: StampingAuthority, superuser_connection: Database
) -> None:
    office.seal()
    office.seal()
    assert office.verify().damage is None
    without = office.verify("/nowhere/root.pem")
    assert (without.damage, without.stamps.problem) == (None, "/nowhere/root.pem: No such file or directory")
    broken = office.verify(other.root).damage
    assert broken is not None
    assert (broken.kind, broken.seq) == ("stamp_broken", 1)
    _move(superuser_connection)
    moved = office.verify().damage
    assert moved is not None
    assert (moved.kind, moved.seq) == ("stamp_broken", 2)


def _move(database: Database) -> None:
    """A stamp laid under another seal, with the guards off."""
    with database.transaction():
        database.execute("ALTER TABLE ledger.stamp DISABLE TRIGGER USER")
        assert database.execute("UPDATE ledger.stamp SET number = 2").rowcount == 1
        database.execute("SELECT ledger.guard('ledger.stamp'::regclass)")


def test_a_bundle_takes_its_stamps_along(office: Office, other: StampingAuthority) -> None:
    tenant_id: UUID = make_tenant().id
    note(tenant_id, count=2)
    office.seal()
    file, key = BytesIO(), str(office.room.signer.verifier)
    with _as_role("audit"):
        write_bundle(file, tenant_id, office.room.keys, since=None, now=database_clock())
    code, found = verdict(BytesIO(file.getvalue()), [key])
    assert (code, found["stamps"], found["stamps_checked"]) == (0, 1, False)
    code, found = verdict(BytesIO(file.getvalue()), [key], office.tsa.root)
    assert (code, found["stamps"], found["stamps_checked"]) == (0, 1, True)
    code, found = verdict(BytesIO(file.getvalue()), [key], other.root)
    assert (code, found["damage"]["kind"]) == (1, "stamp_broken")


def test_the_command_says_how_many_stamps_hold(office: Office) -> None:
    office.seal()
    out = StringIO()
    names = {
        "TOBAN_SEAL_PUBLIC_KEYS": tuple(office.room.keys),
        "TOBAN_TSA_CA_FILE": office.tsa.root,
        "TOBAN_ANCHOR_FILE": str(office.room.anchors[0].path),  # type: ignore[attr-defined]
    }
    with _as_role("audit"), override_settings(**names), pytest.raises(SystemExit) as ended:
        call_command("audit_verify", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert (ended.value.code, found["seals"]["stamps"]["count"]) == (0, 1)
    assert found["seals"]["stamps"]["not_checked"] is None
