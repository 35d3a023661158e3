"""Exports of the ledger in words: their forms."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class FormWords(NamedTuple):
    name: Promise | str
    help: Promise | str


#: What a report's file is like, where that differs from an export of the ledger.
REPORT_FORMS: Final[Mapping[str, Promise | str]] = {
    "pdf": _("For signing and filing: page numbers, period, counts and hash on each page."),
    "xlsx": _("A workbook; numbers are numbers, and a second sheet holds period, counts and hash."),
}
FORMATS: Final[Mapping[str, FormWords]] = {
    "csv": FormWords(_("CSV (UTF-8)"), _("A table for any spreadsheet. No text in it is a formula.")),
    "csv_cp932": FormWords(
        _("CSV (Shift_JIS)"),
        _("For programs that know Windows' Japanese code page only. Characters it lacks become 〓."),
    ),
    "xlsx": FormWords(_("Excel (XLSX)"), _("A workbook; every cell is a text.")),
    "pdf": FormWords(
        _("PDF report"),
        _(
            "For signing and filing: page numbers, the question, the number of events and their hash on each page."
        ),
    ),
    "jsonl": FormWords(
        _("JSON Lines with proofs"),
        _("Each event with its way to the seal under which it stands, to be checked without Toban."),
    ),
    "dicom": FormWords(
        _("DICOM audit messages"), _("One message of PS3.15 A.5 a line, for an audit repository.")
    ),
    "fhir_r4b": FormWords(
        _("FHIR R4B"), _("AuditEvent a line, and Provenance for what was entered or confirmed.")
    ),
    "fhir_r5": FormWords(_("FHIR R5"), _("The same in release 5.")),
}
