"""The files of an export: each takes events one at a time and keeps none of them."""

import codecs
import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final, Protocol
from uuid import UUID

import xlsxwriter
from django.utils.translation import gettext as _

from medical_audit.domain import dicom_audit, fhir_audit
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.cells import fitting, safe
from medical_audit.domain.personal import tokens_in
from medical_audit.domain.recorded import Recorded
from medical_audit.models.export import Format
from medical_audit.operations.exports.words import Teller, Told
from medical_audit.queries.bundles import person_line
from medical_audit.queries.people import known
from medical_audit.queries.proofs import Seal, seal_of

#: A sheet of a workbook holds 1,048,576 rows, the first of them the heading.
SHEET_ROWS = 1_000_000
#: What Japanese print puts where it has no type: CP932 lacks many characters of people's names.
_GETA = "〓"


@dataclass(frozen=True, slots=True)
class About:
    """What every file says of itself: whose, what was asked in words, by whom and why, and until when it reaches."""

    tenant_id: UUID
    tenant: str
    question: Sequence[tuple[str, str]]
    asked_by: str
    purpose: str
    until: datetime
    made_at: datetime


class Writer(Protocol):
    """Takes the events in order; `close` ends the file."""

    def add(self, event: Recorded) -> None: ...

    def close(self) -> None: ...


def _geta(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return _GETA * (error.end - error.start), error.end


codecs.register_error("toban.geta", _geta)


def heading() -> list[str]:
    """The columns of a table; the first five are what auditors ask for first."""
    return [
        _("Person ID"), _("Name"), _("Time (JST)"), _("Kind"), _("What happened"), _("Outcome"), _("Roles"),
        _("Entered for"), _("Kind of subject"), _("Subject ID"), _("Subject"), _("Reason"), _("Address"),
        _("Session"), _("Request"), _("Operation ID"), _("Kind (code)"), _("Time (UTC)"), _("Number in the chain"),
        _("Hash"), _("Event ID"),
    ]  # fmt: skip


def columns(event: Recorded, told: Told) -> list[object]:
    link, subject = event.link, event.subject
    return [
        event.actor.get("id"), event.actor.get("name"), told.at, told.kind, told.sentence, event.outcome, told.roles,
        event.behalf.get("name", ""), told.subject_type, subject.get("id"), subject.get("name"), event.text("reason"),
        event.text("address"), event.text("session"), event.text("request"), event.text("operation"), event.kind,
        utc_text(link.event_at), link.seq, link.hash.hex(), str(link.event_id),
    ]  # fmt: skip


class _Csv:
    """RFC 4180, lines ended by CRLF; texts that a spreadsheet would take for formulas begin with '."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._teller = Teller()
        self._text = io.TextIOWrapper(file, encoding, errors="toban.geta", newline="", write_through=False)
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self._writer.writerow(heading())

    def add(self, event: Recorded) -> None:
        self._writer.writerow([safe(one) for one in columns(event, self._teller.tell(event))])

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


class Workbook:
    """Written row by row; every cell is a text, so that none is a formula, a link or a rounded number."""

    def __init__(self, file: IO[bytes], about: About, *, sheet_rows: int = SHEET_ROWS) -> None:
        self._sheet_rows = sheet_rows
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(file, options)
        self._book.set_properties({"title": _("Ledger"), "created": about.made_at.replace(tzinfo=None)})
        self._bold = self._book.add_format({"bold": True})
        self._about, self._teller, self._rows, self._sheets = about, Teller(), 0, 0
        self._sheet: Any = None

    def add(self, event: Recorded) -> None:
        at = self._rows % self._sheet_rows
        if at == 0:
            self._sheets += 1
            self._sheet = self._book.add_worksheet(f"{_('Ledger')} {self._sheets}")
            self._sheet.freeze_panes(1, 0)
            for place, text in enumerate(heading()):
                self._sheet.write_string(0, place, text, self._bold)
        for place, value in enumerate(columns(event, self._teller.tell(event))):
            self._sheet.write_string(at + 1, place, "" if value is None else fitting(str(value)))
        self._rows += 1

    def close(self) -> None:
        sheet = self._book.add_worksheet(_("About this file"))
        lines = [*about_lines(self._about), (_("Events"), str(self._rows))]
        for row, (name, text) in enumerate(lines):
            sheet.write_string(row, 0, name, self._bold)
            sheet.write_string(row, 1, fitting(text))
        self._book.close()


class _Lines:
    """One text a line, made of each event."""

    def __init__(self, file: IO[bytes], lines: Callable[[Recorded], Sequence[str]]) -> None:
        self._file, self._lines = file, lines

    def add(self, event: Recorded) -> None:
        for line in self._lines(event):
            self._file.write(line.encode("utf-8") + b"\n")

    def close(self) -> None:
        self._file.flush()


class _Proven:
    """JSON Lines with proofs: before the first event of a seal a line with the seal, then the events with their path.

    An event that is not sealed yet has neither; `docs/ledger.md` says how a line is checked.
    """

    def __init__(self, tenant_id: UUID) -> None:
        self._tenant_id = tenant_id
        self._seal: Seal | None = None
        self._known: dict[str, dict[str, object]] = {}

    def lines(self, event: Recorded) -> list[str]:
        found: list[str] = []
        seq = event.link.seq
        if self._seal is None or not self._seal.after < seq <= self._seal.size:
            before, self._seal = self._seal, seal_of(self._tenant_id, seq)
            if self._seal is not None and self._seal != before:
                found.append(_json(seal_line(self._seal)))
        line: dict[str, object] = {"event": event_line(event), "people": self._people(event.link.body)}
        if self._seal is not None:
            line |= {"seal": self._seal.number, "path": [step.hex() for step in self._seal.path_of(seq)]}
        return [*found, _json(line)]

    def _people(self, body: str) -> list[dict[str, object]]:
        """What the event's references stand for, each with the salt that proves it."""
        tokens = tokens_in([body])
        if new := tokens - self._known.keys():
            self._known |= {one.token: person_line(one) for one in known(self._tenant_id, new) if one.salt}
        return [self._known[token] for token in sorted(tokens & self._known.keys())]


def event_line(event: Recorded) -> dict[str, object]:
    """An event as a bundle holds it."""
    link = event.link
    return {
        "tenant": str(link.tenant_id), "seq": link.seq, "id": str(link.event_id), "event_at": utc_text(link.event_at),
        "linked_at": utc_text(link.linked_at), "clock_at": utc_text(link.clock_at), "txid": link.txid,
        "db_user": link.db_user, "body": link.body, "prev": link.prev.hex(), "hash": link.hash.hex(),
    }  # fmt: skip


def seal_line(seal: Seal) -> dict[str, object]:
    return {
        "seal": seal.number, "note": seal.note, "size": seal.size, "root": seal.root.hex(),
        "last_hash": seal.last_hash.hex(), "index": seal.index, "tenants": seal.tenants,
        "path": [step.hex() for step in seal.path],
    }  # fmt: skip


def _fhir(release: fhir_audit.Release) -> Callable[[Recorded], list[str]]:
    def lines(event: Recorded) -> list[str]:
        made = [fhir_audit.audit_event(event, release), fhir_audit.provenance(event, release)]
        return [_json(one) for one in made if one is not None]

    return lines


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def about_lines(about: About) -> list[tuple[str, str]]:
    return [
        (_("Tenant"), about.tenant),
        (_("Asked by"), about.asked_by),
        (_("Purpose"), about.purpose),
        *about.question,
        (_("Recorded until"), utc_text(about.until)),
        (_("Made at"), utc_text(about.made_at)),
    ]


#: The writer of each format but PDF's, which has a file of its own.
WRITERS: Final[Mapping[str, Callable[[IO[bytes], About], Writer]]] = {
    Format.CSV: lambda file, about: _Csv(file, "utf-8-sig"),
    Format.CSV_CP932: lambda file, about: _Csv(file, "cp932"),
    Format.XLSX: Workbook,
    Format.JSON_LINES: lambda file, about: _Lines(file, _Proven(about.tenant_id).lines),
    Format.DICOM: lambda file, about: _Lines(file, lambda event: [dicom_audit.message(event)]),
    Format.FHIR_R4B: lambda file, about: _Lines(file, _fhir("R4B")),
    Format.FHIR_R5: lambda file, about: _Lines(file, _fhir("R5")),
}
#: How a file is named and served.
ENDINGS: Final[Mapping[str, tuple[str, str]]] = {
    Format.CSV: ("csv", "text/csv; charset=utf-8"),
    Format.CSV_CP932: ("csv", "text/csv; charset=Shift_JIS"),
    Format.XLSX: ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    Format.PDF: ("pdf", "application/pdf"),
    Format.JSON_LINES: ("jsonl", "application/jsonl; charset=utf-8"),
    Format.DICOM: ("dicom.txt", "text/plain; charset=utf-8"),
    Format.FHIR_R4B: ("r4b.ndjson", "application/fhir+ndjson"),
    Format.FHIR_R5: ("r5.ndjson", "application/fhir+ndjson"),
}
