"""What a window shows as a file: CSV, XLSX or PDF of all rows that match, recorded before it is handed over."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.template.loader import get_template
from django.utils.translation import gettext as _

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import Refused
from medical_audit.domain.reports import Column
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models.export import Format
from medical_audit.operations.exports.asking import PURPOSE_MAX
from medical_audit.operations.exports.files import ENDINGS
from medical_audit.operations.exports.report_files import (
    CELL,
    MAKERS,
    PAPER_ROWS,
    ROW,
    ROWS_MOST,
    ReportFile,
    Sheet,
    without_marks,
)
from medical_audit.operations.ledger import record


def limit_of(form: str) -> int:
    """The most rows of a file in this form."""
    return PAPER_ROWS if form == Format.PDF else ROWS_MOST


def take_window(
    code: str,
    keys: Sequence[str],
    rows: Sequence[Any],
    asked: Mapping[str, str],
    form: str,
    *,
    tenant: str,
    purpose: str,
    actor: Actor,
    now: datetime,
) -> ReportFile:
    """The rows of a window (app.model) as a file, once it is recorded that this person takes them.

    `keys`: its columns (model.field); `rows` have `item` and `cells` (key, value); `asked`: the filters that they match.
    Raises NotPermitted; Refused: bad_parameter, export_purpose_missing, export_too_long.
    """
    actor.require(LEDGER_VIEW, actor.tenant_id)
    if form not in MAKERS:
        raise Refused("bad_parameter", name="format", allowed=", ".join(MAKERS))
    if not purpose.strip():
        raise Refused("export_purpose_missing")
    if len(rows) > limit_of(form):
        raise Refused("export_too_long", limit=limit_of(form))
    purpose, file = purpose.strip()[:PURPOSE_MAX], io.BytesIO()
    sheet = _sheet(code, keys, rows, asked, tenant, purpose, actor, now)
    MAKERS[form](sheet, file)
    data = file.getvalue()
    sha256, (ending, content_type) = hashlib.sha256(data).hexdigest(), ENDINGS[form]
    detail: dict[str, object] = {
        "window": code, "format": form, "filter": dict(asked), "rows": len(rows), "rows_sha256": sheet.sha256,
        "bytes": len(data), "sha256": sha256,
    }  # fmt: skip
    subject = Subject("tenant", str(actor.tenant_id))
    record("window.exported", actor=actor, subject=subject, now=now, reason=purpose, detail=detail)
    return ReportFile(f"{code.replace('.', '-')}.{ending}", content_type, data, sha256)


def _sheet(
    code: str, keys: Sequence[str], rows: Sequence[Any], asked: Mapping[str, str], tenant: str, purpose: str,
    actor: Actor, now: datetime,
) -> Sheet:  # fmt: skip
    question = ", ".join(f"{name}={without_marks(value)}" for name, value in asked.items()) or "—"
    context = {
        "code": code, "question": question, "now": now, "keys": keys, "rows": rows, "cell_mark": CELL, "row_mark": ROW,
    }  # fmt: skip
    said = get_template("admin/window_file.txt").render(context).strip("\n").split(ROW)
    (title, asked_for, made), heading, *lines = [line.split(CELL)[:-1] for line in said[:-1]]
    return Sheet(
        title=title,
        facts=[
            (_("Tenant"), tenant), (_("Filters"), asked_for), (_("Purpose"), purpose),
            (_("Made"), f"{made} · {actor.name}"),
        ],
        counts=[],
        columns=[Column(key) for key in keys],
        heading=heading,
        values=lines,
        texts=lines,
        sha256=digest({"window": code, "tenant": str(actor.tenant_id), "columns": list(keys), "rows": lines}),
    )  # fmt: skip
