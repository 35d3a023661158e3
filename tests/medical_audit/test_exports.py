"""What of the ledger leaves the house: asked for, made in the background, recorded before the first byte, whole."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.http import StreamingHttpResponse
from django.urls import reverse
from lxml import etree
from pypdf import PdfReader

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.domain.actor import Actor, ActorType, Subject
from medical_audit.domain.cells import CELL_MAX
from medical_audit.domain.checkpoint import Checkpoint, TreeHead
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.merkle import includes
from medical_audit.models import Event, Export, ExportPart, Link
from medical_audit.models.export import Format
from medical_audit.operations.exports import asking, making
from medical_audit.operations.exports.files import About, Workbook
from medical_audit.operations.ledger import record
from medical_audit.queries.events import EventFilter
from medical_audit.queries.exports import in_order, part, part_numbers
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import Cast, make_cast
from tests.medical_audit.sealers import make_room
from tests.medical_audit.support import execute
from tests.medical_audit.test_outgoing import SCHEMA
from tests.stage import signed_in

FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture
def own(django_db_setup: None) -> Cast:
    """A tenant of its own with a few events, one of them written by somebody who means harm."""
    cast = make_cast()
    note(cast, FORMULA)
    note(cast, "髙橋 𠮷野")
    return cast


def note(cast: Cast, name: str, **more: Any) -> None:
    actor = more.pop("actor", cast.actor(Role.OPERATOR))
    with tenant_scope(cast.tenant.id):
        record(
            more.pop("kind", "volume.named"),
            actor=actor,
            subject=Subject("volume", more.pop("id", "vol-1"), name),
            now=clock.now(),
            detail={"name": name},
            **more,
        )


def exported(cast: Cast, of: str, wanted: EventFilter | None = None) -> tuple[Export, bytes]:
    """Asked for by the auditor, made by a worker, taken by the auditor."""
    auditor = cast.actor(Role.AUDITOR)
    with tenant_scope(cast.tenant.id):
        asked = asking.ask(
            wanted or EventFilter(),
            of,
            tenant="病院",
            purpose="月次点検",
            actor=auditor,
            now=clock.now(),
        )
    make(cast)
    with tenant_scope(cast.tenant.id):
        made = asking.hand_over(asked.id, actor=auditor, now=clock.now())
        data = b"".join(part(made.id, number) for number in part_numbers(made.id))
    assert hashlib.sha256(data).hexdigest() == made.sha256
    assert len(data) == made.bytes
    return made, data


def make(cast: Cast) -> int:
    with _as_role("worker"):
        return making.make_due(cast.tenant.id, actor=exporter(cast), clock=clock.now)


def exporter(cast: Cast) -> Actor:
    return Actor(cast.tenant.id, ActorType.SYSTEM, "exporter", "exporter")


def told(cast: Cast, kind: str) -> list[dict[str, Any]]:
    with tenant_scope(cast.tenant.id):
        bodies = Event.objects.filter(kind=kind).order_by("ord").values_list("body", flat=True)
        return [json.loads(body) for body in bodies]


def events_of(cast: Cast) -> int:
    with tenant_scope(cast.tenant.id):
        return Event.objects.count()


@pytest.mark.parametrize("of", Format.values)
def test_every_form_is_made_and_recorded_from_the_question_to_the_hand(of: str, own: Cast) -> None:
    made, data = exported(own, of)
    assert data
    assert made.rows == events_of(own) - 2  # neither its making nor its taking was there yet
    (asked,), (ready,), (taken,) = (
        told(own, f"ledger.{kind}") for kind in ("export_asked", "export_made", "exported")
    )
    assert (asked["reason"], asked["actor"]["type"]) == ("月次点検", "user")
    assert ready["actor"] == {"type": "system", "id": "exporter", "name": "exporter", "roles": []}
    assert taken["actor"]["id"] == own.actor(Role.AUDITOR).id
    for body in (ready, taken):
        assert (body["detail"]["events"], body["detail"]["sha256"]) == (made.rows, made.sha256)


def test_a_table_opens_with_its_names_and_runs_nothing(own: Cast) -> None:
    _made, data = exported(own, Format.CSV)
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in data
    header, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    by_name = [dict(zip(header, row, strict=True)) for row in rows]
    written = [row for row in by_name if row["種類（コード）"] == "volume.named"]
    assert [row["対象"] for row in written] == [f"'{FORMULA}", "髙橋 𠮷野"]
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]


def test_shift_jis_says_where_it_has_no_letter(own: Cast) -> None:
    _made, data = exported(own, Format.CSV_CP932)
    text = data.decode("cp932")
    assert "髙橋 〓野" in text


def test_every_cell_of_a_workbook_is_a_text(own: Cast) -> None:
    made, data = exported(own, Format.XLSX)
    book = openpyxl.load_workbook(io.BytesIO(data))
    table, about = book.worksheets
    assert table.max_row == made.rows + 1
    assert {cell.data_type for row in table.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert FORMULA in {cell.value for cell in table["K"]}
    assert [row[1].value for row in about.iter_rows()][-1] == str(made.rows)


def test_a_text_too_long_for_a_cell_is_cut_and_says_how_long_it_was(own: Cast) -> None:
    about = About(own.tenant.id, "病院", [("質問", "長" * 40_000)], "監査", "点検", clock.now(), clock.now())
    file = io.BytesIO()
    Workbook(file, about).close()
    told = [row[1].value or "" for row in openpyxl.load_workbook(file).worksheets[-1].iter_rows()]
    (cut,) = [text for text in told if text.startswith("長")]
    assert (len(cut), cut.endswith("長 … [40000]")) == (CELL_MAX, True)


def test_a_workbook_goes_on_on_another_sheet(own: Cast) -> None:
    about = About(own.tenant.id, "病院", [], "監査", "点検", clock.now(), clock.now())
    file = io.BytesIO()
    book = Workbook(file, about, sheet_rows=2)
    with tenant_scope(own.tenant.id):
        events, _mark = in_order(EventFilter(), None, limit=5)
    for event in events:
        book.add(event)
    book.close()
    rows = [sheet.max_row for sheet in openpyxl.load_workbook(file).worksheets]
    assert rows[:-1] == [3, 3, 2]


def test_messages_and_resources_are_valid_line_by_line(own: Cast) -> None:
    made, data = exported(own, Format.DICOM)
    lines = data.decode().splitlines()
    assert len(lines) == made.rows
    assert all(SCHEMA.validate(etree.fromstring(line)) for line in lines)
    for of in (Format.FHIR_R4B, Format.FHIR_R5):
        made, data = exported(own, of)
        resources = [json.loads(line) for line in data.decode().splitlines()]
        assert sum(one["resourceType"] == "AuditEvent" for one in resources) == made.rows


def test_a_report_has_pages_with_numbers_and_says_what_was_asked(own: Cast) -> None:
    for number in range(80):
        note(own, f"volume-{number}")
    _made, data = exported(own, Format.PDF, EventFilter(kind="volume.named"))
    pages = PdfReader(io.BytesIO(data)).pages
    assert len(pages) > 2
    assert data == exported_again(own, data)


def exported_again(own: Cast, before: bytes) -> bytes:
    """The same question gives the same pages (the time of making aside): nothing in it is left to chance."""
    _made, data = exported(own, Format.PDF, EventFilter(kind="volume.named"))
    assert len(PdfReader(io.BytesIO(data)).pages) == len(PdfReader(io.BytesIO(before)).pages)
    return before


@pytest.mark.usefixtures("ledger_of_its_own")
def test_lines_with_proofs_are_checked_with_the_standard_library_alone(tmp_path: Path) -> None:
    room = make_room(tmp_path)
    casts = [make_cast() for _ in range(3)]
    own = casts[1]
    room.seal()
    for number in range(5):
        note(own, f"n{number}")
    room.seal()
    note(own, "not sealed yet")
    _made, data = exported(own, Format.JSON_LINES)
    seals: dict[int, dict[str, Any]] = {}
    proven = 0
    for line in map(json.loads, data.decode().splitlines()):
        if "note" in line:
            seals[line["seal"]] = line
            noted = Checkpoint.parse(line["note"].rpartition("\n\n")[0] + "\n")
            head = TreeHead(
                own.tenant.id, line["size"], bytes.fromhex(line["root"]), bytes.fromhex(line["last_hash"])
            )
            path = [bytes.fromhex(step) for step in line["path"]]
            assert includes(noted.root, head.leaf(), line["index"], line["tenants"], path)
            continue
        event = line["event"]
        text = "\n".join(
            [
                "toban-event-1",
                *(str(event[name]) for name in ("tenant", "seq", "id", "event_at", "linked_at", "clock_at")),
                str(event["txid"]),
                event["db_user"],
                event["body"],
            ]
        )
        hashed = hashlib.sha256(b"\x00" + bytes.fromhex(event["prev"]) + text.encode()).digest()
        assert hashed.hex() == event["hash"]
        if "seal" in line:
            seal = seals[line["seal"]]
            path = [bytes.fromhex(step) for step in line["path"]]
            assert includes(bytes.fromhex(seal["root"]), hashed, event["seq"] - 1, seal["size"], path)
            proven += 1
    assert len(seals) == 2
    assert proven >= 6


def test_only_who_may_read_the_ledger_asks_or_takes(own: Cast) -> None:
    made, _data = exported(own, Format.CSV)
    for role in (Role.VIEWER, Role.OPERATOR, Role.APPROVER):
        with tenant_scope(own.tenant.id), pytest.raises(NotPermitted):
            asking.ask(EventFilter(), "csv", tenant="", purpose="x", actor=own.actor(role), now=clock.now())
        with tenant_scope(own.tenant.id), pytest.raises(NotPermitted):
            asking.hand_over(made.id, actor=own.actor(role), now=clock.now())


@pytest.mark.parametrize(
    ("of", "purpose", "kind", "code"),
    [
        ("docx", "x", "", "bad_parameter"),
        ("csv", "  ", "", "export_purpose_missing"),
        ("csv", "x", "never.happened", "nothing_to_export"),
    ],
)
def test_what_cannot_be_exported_is_refused(of: str, purpose: str, kind: str, code: str, own: Cast) -> None:
    with tenant_scope(own.tenant.id), pytest.raises(Refused) as refused:
        asking.ask(
            EventFilter(kind=kind), of, tenant="", purpose=purpose, actor=own.actor(Role.AUDITOR), now=clock.now()
        )  # fmt: skip
    assert refused.value.code == code


def test_nobody_has_more_than_three_made_at_once(own: Cast) -> None:
    auditor = own.actor(Role.AUDITOR)
    with tenant_scope(own.tenant.id):
        for _ in range(3):
            asking.ask(EventFilter(), "csv", tenant="", purpose="x", actor=auditor, now=clock.now())
        with pytest.raises(Refused, match="export_waits"):
            asking.ask(EventFilter(), "csv", tenant="", purpose="x", actor=auditor, now=clock.now())
    assert make(own) == 3


def test_one_left_behind_is_made_anew_and_the_first_worker_notices(own: Cast) -> None:
    with tenant_scope(own.tenant.id):
        asked = asking.ask(
            EventFilter(), "csv", tenant="", purpose="x", actor=own.actor(Role.AUDITOR), now=clock.now()
        )
    with _as_role("worker"):
        now = clock.now()
        taken = making._take(own.tenant.id, now=now - making.LEFT_BEHIND - timedelta(seconds=1))
        assert taken is not None
        assert making.make_due(own.tenant.id, actor=exporter(own), clock=clock.now) == 1
        with pytest.raises(making._Overtaken):
            making._tell(taken, clock.now())
        with tenant_scope(own.tenant.id):
            before = list(ExportPart.objects.values_list("id", flat=True))
        with pytest.raises(making._Overtaken):
            making._store(taken, io.BytesIO(b"x" * 3 * making.PART_BYTES), clock.now)
        making._fail(taken, "late", actor=exporter(own), now=clock.now())
        with tenant_scope(own.tenant.id):
            assert Export.objects.get(id=asked.id).state == "ready"
            assert list(ExportPart.objects.values_list("id", flat=True)) == before


def test_pieces_that_a_dead_worker_left_behind_go(own: Cast) -> None:
    """Of a file that an erasure took back while it was made, by a worker that died right after."""
    made, _data = exported(own, Format.CSV)
    other, _more = exported(own, Format.CSV)
    with _as_role("worker"):
        with tenant_scope(own.tenant.id):
            Export.objects.filter(id=made.id).update(state="failed", problem="person_erased")
        making.make_due(own.tenant.id, actor=exporter(own), clock=clock.now)
        with tenant_scope(own.tenant.id):
            assert set(ExportPart.objects.values_list("export_id", flat=True)) == {other.id}


POISONED = (
    '{"v":2,"kind":"test.odd","at":"2026-11-26T00:00:00.000000Z","actor":{"type":"system","id":"","name":"","roles":7},'
    '"subject":{"type":"x","id":"","name":""},"outcome":"ok"}'
)


def test_an_event_that_cannot_be_told_ends_its_export_and_names_itself(own: Cast) -> None:
    """As somebody could write it who has a login's password: neither the worker nor the next export waits for it for ever."""
    with _as_role("worker"), tenant_scope(own.tenant.id):
        execute("SELECT ledger.log(%s, %s)", [own.tenant.id, [POISONED]])
    auditor = own.actor(Role.AUDITOR)
    with tenant_scope(own.tenant.id):
        ask = partial(asking.ask, tenant="", purpose="x", actor=auditor, now=clock.now())
        first, second = ask(EventFilter(), "csv"), ask(EventFilter(kind="tenant.founded"), "csv")
    assert make(own) == 1
    with tenant_scope(own.tenant.id):
        failed = Export.objects.get(id=first.id)
        seq = Link.objects.get(event_id=Event.objects.get(kind="test.odd").id).seq
        assert (failed.state, failed.problem) == ("failed", f"event_untold:{seq}")
        assert Export.objects.get(id=second.id).state == "ready"
    assert make(own) == 0, "it is not taken up again"


@pytest.mark.parametrize(("ended", "state"), [(2, "ready"), (3, "failed")])
def test_one_that_ended_three_workers_is_not_tried_again(own: Cast, ended: int, state: str) -> None:
    with tenant_scope(own.tenant.id):
        asked = asking.ask(
            EventFilter(), "csv", tenant="", purpose="x", actor=own.actor(Role.AUDITOR), now=clock.now()
        )
    now = clock.now()
    with _as_role("worker"):
        for number in range(ended):
            assert making._take(
                own.tenant.id, now=now + (number - 9) * (making.LEFT_BEHIND + timedelta(seconds=1))
            )
    assert make(own) == (state == "ready")
    with tenant_scope(own.tenant.id):
        row = Export.objects.get(id=asked.id)
        assert (row.state, row.problem) == (state, "" if state == "ready" else "workers_ended")


def test_a_file_lies_for_a_day_and_then_is_gone(own: Cast) -> None:
    made, _data = exported(own, Format.CSV)
    with _as_role("worker"):
        late = clock.now() + making.KEPT + timedelta(minutes=1)
        making.remove_old(own.tenant.id, actor=exporter(own), now=late)
        with tenant_scope(own.tenant.id):
            assert not ExportPart.objects.filter(export_id=made.id).exists()
    with tenant_scope(own.tenant.id), pytest.raises(Refused, match="export_not_ready"):
        asking.hand_over(made.id, actor=own.actor(Role.AUDITOR), now=clock.now())


def test_the_page_sends_the_file_after_it_was_recorded(own: Cast) -> None:
    made, data = exported(own, Format.CSV)
    client = signed_in(own.people[Role.AUDITOR])
    before = len(told(own, "ledger.exported"))
    url = reverse("medical_audit:export-file", kwargs={"slug": own.tenant.slug, "pk": made.id})
    answer: Any = client.get(url)
    assert isinstance(answer, StreamingHttpResponse)
    assert len(told(own, "ledger.exported")) == before + 1  # and nothing was read from it yet
    assert answer.getvalue() == data
    assert answer["Content-Length"] == str(len(data))


def test_the_page_asks_with_the_question_of_its_address(own: Cast) -> None:
    client = signed_in(own.people[Role.AUDITOR])
    url = reverse("medical_audit:exports", kwargs={"slug": own.tenant.slug})
    assert client.post(url, {"format": "csv", "purpose": ""}).status_code == 422
    answer = client.post(f"{url}?event=volume.named&off_hours=", {"format": "csv", "purpose": "月次点検"})
    assert answer.status_code == 302
    assert client.get(url).status_code == 200
    assert make(own) == 1
    assert client.get(url).status_code == 200
    with tenant_scope(own.tenant.id):
        row = Export.objects.get()
    assert (row.question, row.rows) == ({"kind": "volume.named"}, 2)
