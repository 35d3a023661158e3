"""A report as a file: CSV, XLSX or PDF; made at once where it is short, and recorded before it is handed over."""

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, Any, Final

import xlsxwriter
from django.template.loader import get_template
from django.utils.translation import gettext as _

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.cells import fitting, safe
from medical_audit.domain.errors import Refused
from medical_audit.domain.reports import Cell, Column, Report
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models.export import Format
from medical_audit.operations.exports.asking import PURPOSE_MAX
from medical_audit.operations.exports.files import ENDINGS
from medical_audit.operations.exports.report_paper import print_report
from medical_audit.operations.ledger import record

#: The most rows of a file that is made at once, and of one on paper; and of those that a worker makes.
ROWS_MOST, PAPER_ROWS = 20_000, 2_000
LONG_MOST, LONG_PAPER = 200_000, 20_000
#: Between the cells and the rows of a template's text.
CELL, ROW = "\x1f", "\x1e"
_NUMBERS = ("number", "minutes", "millis")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A report in the words of the active language. `facts`: whose, of when, by whom and what for; `counts`: its totals;
    `values`: numbers as numbers, everything else as text; `texts`: everything as the page shows it."""

    title: str
    facts: Sequence[tuple[str, str]]
    counts: Sequence[tuple[str, str]]
    columns: Sequence[Column]
    heading: Sequence[str]
    values: Sequence[Sequence[str | int | float]]
    texts: Sequence[Sequence[str]]
    sha256: str


@dataclass(frozen=True, slots=True)
class ReportFile:
    name: str
    content_type: str
    data: bytes
    sha256: str


def take(report: Report, form: str, *, tenant: str, purpose: str, actor: Actor, now: datetime) -> ReportFile:
    """The report as a file, once it is recorded that this person takes it. `tenant`: its name, for the file's heading.

    Raises NotPermitted; Refused: bad_parameter, export_purpose_missing, export_too_long.
    """
    actor.require(LEDGER_VIEW, actor.tenant_id)
    if form not in MAKERS:
        raise Refused("bad_parameter", name="format", allowed=", ".join(MAKERS))
    if not purpose.strip():
        raise Refused("export_purpose_missing")
    limit = rows_most(form, at_once=True)
    if report.cut or len(report.rows) > limit:
        raise Refused("export_too_long", limit=limit)
    file = io.BytesIO()
    purpose = purpose.strip()[:PURPOSE_MAX]
    MAKERS[form](sheet_of(report, tenant, purpose, actor, now), file)
    data = file.getvalue()
    sha256, (ending, content_type) = hashlib.sha256(data).hexdigest(), ENDINGS[form]
    detail: dict[str, object] = {
        "report": report.name, "format": form, "since": utc_text(report.since), "until": utc_text(report.until),
        "rows": len(report.rows), "rows_sha256": report.sha256, "bytes": len(data), "sha256": sha256,
    }  # fmt: skip
    subject = Subject("tenant", str(actor.tenant_id))
    record("report.exported", actor=actor, subject=subject, now=now, reason=purpose, detail=detail)
    return ReportFile(f"{report.name}.{ending}", content_type, data, sha256)


def rows_most(form: str, *, at_once: bool) -> int:
    """How many rows a file of this form may have."""
    if at_once:
        return PAPER_ROWS if form == Format.PDF else ROWS_MOST
    return LONG_PAPER if form == Format.PDF else LONG_MOST


def sheet_of(report: Report, tenant: str, purpose: str, actor: Actor, now: datetime) -> Sheet:
    """The report in the words of the active language, `actor` as who made it."""
    cleaned = replace(report, rows=[[without_marks(cell) for cell in row] for row in report.rows])
    context = {"report": cleaned, "cell": CELL, "row": ROW, "now": now}
    said = get_template("medical_audit/report_file.txt").render(context).strip("\n").split(ROW)
    (title, period, judged, made), counts, heading, *lines = [line.split(CELL)[:-1] for line in said[:-1]]
    return Sheet(
        title=title,
        facts=[
            (_("Tenant"), tenant), (_("Period"), period), (_("Judged as of"), judged), (_("Purpose"), purpose),
            (_("Made"), f"{made} · {actor.name}"),
        ],
        counts=[(counts[place], counts[place + 1]) for place in range(0, len(counts), 2)],
        columns=report.columns,
        heading=heading,
        values=[
            [_value(column, cell, text) for column, cell, text in zip(report.columns, row, texts, strict=True)]
            for row, texts in zip(report.rows, lines, strict=True)
        ],
        texts=lines,
        sha256=report.sha256,
    )  # fmt: skip


def without_marks(cell: Cell) -> Cell:
    """A cell that cannot be taken for the end of itself."""
    return cell.replace(CELL, " ").replace(ROW, " ") if isinstance(cell, str) else cell


def _value(column: Column, cell: Cell, text: str) -> str | int | float:
    if column.kind in _NUMBERS and isinstance(cell, int | float):
        return cell
    return "" if cell is None or cell in ("", []) else text


def _csv(encoding: str) -> Callable[[Sheet, IO[bytes]], None]:
    def write(sheet: Sheet, file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding, errors="toban.geta", newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(sheet.heading)
        writer.writerows([safe(cell) for cell in row] for row in sheet.values)
        text.flush()
        text.detach()

    return write


def _xlsx(sheet: Sheet, file: IO[bytes]) -> None:
    """The rows with numbers as numbers, and a sheet with what a print-out has at its head and foot."""
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(file, {"in_memory": True, **plain})
    bold = book.add_format({"bold": True})
    rows = book.add_worksheet(_("Report"))
    rows.freeze_panes(1, 0)
    for place, name in enumerate(sheet.heading):
        rows.write_string(0, place, name, bold)
    for number, row in enumerate(sheet.values, start=1):
        for place, cell in enumerate(row):
            _write(rows, number, place, cell)
    about = book.add_worksheet(_("About this file"))
    lines = [(_("Report"), sheet.title), *sheet.facts, *sheet.counts, (_("Rows"), str(len(sheet.values))),
             (_("SHA-256 of the rows"), sheet.sha256)]  # fmt: skip
    for number, (name, text) in enumerate(lines):
        about.write_string(number, 0, name, bold)
        about.write_string(number, 1, fitting(text))
    book.close()


def _write(rows: Any, number: int, place: int, cell: str | float) -> None:
    if isinstance(cell, str):
        rows.write_string(number, place, fitting(cell))
    else:
        rows.write_number(number, place, cell)


def _pdf(sheet: Sheet, file: IO[bytes]) -> None:
    print_report(
        file, title=sheet.title, facts=sheet.facts, counts=sheet.counts, columns=sheet.columns, heading=sheet.heading,
        rows=sheet.texts, sha256=sheet.sha256,
    )  # fmt: skip


MAKERS: Final[Mapping[str, Callable[[Sheet, IO[bytes]], None]]] = {
    Format.PDF: _pdf,
    Format.XLSX: _xlsx,
    Format.CSV: _csv("utf-8-sig"),
    Format.CSV_CP932: _csv("cp932"),
}
