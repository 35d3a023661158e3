"""A report on paper: A4 across, on each page its number of all, the period, the number of rows and their hash."""

from collections.abc import Sequence
from typing import IO, Final

from django.utils.translation import gettext as _
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from medical_audit.domain.reports import Column
from medical_audit.operations.exports.paper import FONT, wrapped

PAGE: Final = landscape(A4)
LEFT, RIGHT, TOP, BOTTOM = 15 * mm, PAGE[0] - 15 * mm, PAGE[1] - 15 * mm, 20 * mm
SIZE, LINE, GAP = 8, 11, 2 * mm
_FOOT = "foot"
#: How wide columns are against each other.
_WEIGHTS = {"number": 1.0, "yes": 1.0, "minutes": 1.1, "millis": 1.1, "moment": 2.6, "roles": 2.2, "event": 2.0,
            "operation": 3.0, "hash": 3.4}  # fmt: skip
_RIGHT = ("number", "minutes", "millis")


def print_report(
    file: IO[bytes],
    *,
    title: str,
    facts: Sequence[tuple[str, str]],
    counts: Sequence[tuple[str, str]],
    columns: Sequence[Column],
    heading: Sequence[str],
    rows: Sequence[Sequence[str]],
    sha256: str,
) -> None:
    """`rows` as the page shows them; `facts` and `counts`: (name, text), the second fact is the period."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    sheet = _Paper(file, title, columns, heading)
    sheet.head(facts, counts)
    for row in rows:
        sheet.row(row)
    period, number = facts[1][1], f"{len(rows):,}"
    shown = " · ".join(f"{name} {text}" for name, text in counts)
    sheet.close(_("%(title)s · %(period)s · %(number)s rows") % {"title": title, "period": period, "number": number},
                shown, f"SHA-256 {sha256}")  # fmt: skip


class _Paper:
    """Draws from the top; what only the end knows is a form that each page refers to and that is drawn last."""

    def __init__(
        self, file: IO[bytes], title: str, columns: Sequence[Column], heading: Sequence[str]
    ) -> None:
        self._canvas = Canvas(file, pagesize=PAGE, pageCompression=1, invariant=1)
        self._canvas.setTitle(title)
        self._canvas.setAuthor("Toban")
        self._title, self._heading, self._columns = title, heading, columns
        weights = [_WEIGHTS.get(column.kind, 2.6) for column in columns]
        unit = (RIGHT - LEFT) / sum(weights)
        self._widths = [weight * unit for weight in weights]
        self._page, self._y = 1, TOP

    def head(self, facts: Sequence[tuple[str, str]], counts: Sequence[tuple[str, str]]) -> None:
        canvas = self._canvas
        canvas.setFont(FONT, 15)
        canvas.drawString(LEFT, self._y - 15, self._title)
        self._y -= 26
        canvas.setFont(FONT, SIZE)
        tallies = (_("Counts"), " · ".join(f"{name} {text}" for name, text in counts))
        for name, text in [*facts, tallies]:
            for place, line in enumerate(wrapped(text, RIGHT - LEFT - 40 * mm, SIZE)):
                canvas.drawString(LEFT, self._y - LINE, name if place == 0 else "")
                canvas.drawString(LEFT + 40 * mm, self._y - LINE, line)
                self._y -= LINE
        self._y -= LINE / 2
        self._columns_head()

    def row(self, cells: Sequence[str]) -> None:
        lines = self._lines(cells)
        height = LINE * max(len(one) for one in lines) + 3
        if self._y - height < BOTTOM:
            self._foot()
            self._canvas.showPage()
            self._page, self._y = self._page + 1, TOP
            self._columns_head()
        self._draw(lines)
        self._rule(height, 0.8)

    def close(self, *foot: str) -> None:
        self._foot()
        canvas = self._canvas
        canvas.showPage()
        canvas.beginForm(_FOOT)
        canvas.setFont(FONT, 7)
        for place, text in enumerate(foot):
            first = next(iter(wrapped(text, RIGHT - LEFT - 30 * mm, 7)), "")
            canvas.drawString(LEFT, (14 - 3.2 * place) * mm, first)
        canvas.drawRightString(RIGHT, 14 * mm, f"/ {self._page}")
        canvas.endForm()
        canvas.save()

    def _columns_head(self) -> None:
        lines = self._lines(self._heading)
        self._canvas.setFillGray(0.35)
        self._draw(lines)
        self._canvas.setFillGray(0)
        self._rule(LINE * max(len(one) for one in lines) + 3, 0.4)

    def _lines(self, cells: Sequence[str]) -> list[list[str]]:
        return [
            list(wrapped(cell, width - GAP, SIZE)) for cell, width in zip(cells, self._widths, strict=True)
        ]

    def _draw(self, lines: Sequence[Sequence[str]]) -> None:
        canvas, x = self._canvas, LEFT
        canvas.setFont(FONT, SIZE)
        for column, width, texts in zip(self._columns, self._widths, lines, strict=True):
            for place, text in enumerate(texts):
                y = self._y - LINE * (place + 1) + 2
                if column.kind in _RIGHT:
                    canvas.drawRightString(x + width - GAP, y, text)
                else:
                    canvas.drawString(x, y, text)
            x += width

    def _rule(self, height: float, grey: float) -> None:
        self._y -= height
        self._canvas.setLineWidth(0.25)
        self._canvas.setStrokeGray(grey)
        self._canvas.line(LEFT, self._y + 1, RIGHT, self._y + 1)

    def _foot(self) -> None:
        self._canvas.doForm(_FOOT)
        self._canvas.setFont(FONT, 7)
        self._canvas.drawRightString(RIGHT - 8 * mm, 14 * mm, f"{self._page}")
