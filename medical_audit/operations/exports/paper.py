"""An export as a PDF: A4, each page with its number, the period, the number of events and the hash of what is printed."""

import hashlib
from collections.abc import Iterator
from typing import IO

from django.utils.translation import gettext as _
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from medical_audit.domain.recorded import Recorded
from medical_audit.operations.exports.files import About, about_lines
from medical_audit.operations.exports.words import Teller

#: A font that every reader of PDF has or replaces; it is named, not embedded.
FONT = "HeiseiKakuGo-W5"
LEFT, RIGHT, TOP, BOTTOM = 18 * mm, A4[0] - 18 * mm, A4[1] - 18 * mm, 24 * mm
TIME_WIDTH, NUMBER_WIDTH = 44 * mm, 16 * mm
SIZE, LINE = 8.5, 12.5
_FOOT = "foot"


class Paper:
    """Takes events in order; what only the end knows (how many, their hash, how many pages) is a form that each page
    refers to and that is drawn last."""

    def __init__(self, file: IO[bytes], about: About) -> None:
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
        self._canvas = Canvas(file, pagesize=A4, pageCompression=1, invariant=1)
        self._canvas.setTitle(_("Ledger report"))
        self._canvas.setAuthor("Toban")
        self._about, self._teller = about, Teller()
        self._rows, self._page, self._digest = 0, 1, hashlib.sha256()
        self._y = TOP
        self._head()

    def add(self, event: Recorded) -> None:
        told = self._teller.tell(event)
        place = " · ".join(part for part in (told.actor, event.text("address")) if part)
        lines = list(wrapped(told.sentence, RIGHT - LEFT - NUMBER_WIDTH - TIME_WIDTH, SIZE))
        height = LINE * (len(lines) + 1) + 3
        if self._y - height < BOTTOM:
            self._turn()
        canvas, y = self._canvas, self._y - LINE
        canvas.setFont(FONT, SIZE)
        canvas.drawRightString(LEFT + NUMBER_WIDTH - 3 * mm, y, f"{event.link.seq:,}")
        canvas.drawString(LEFT + NUMBER_WIDTH, y, told.at)
        for line in lines:
            canvas.drawString(LEFT + NUMBER_WIDTH + TIME_WIDTH, y, line)
            y -= LINE
        canvas.setFont(FONT, SIZE - 1.5)
        canvas.setFillGray(0.35)
        canvas.drawString(LEFT + NUMBER_WIDTH + TIME_WIDTH, y, f"{place}  {event.link.hash.hex()[:16]}…")
        canvas.setFillGray(0)
        canvas.setLineWidth(0.25)
        canvas.setStrokeGray(0.8)
        self._y -= height
        canvas.line(LEFT, self._y, RIGHT, self._y)
        self._rows += 1
        self._digest.update(event.link.hash)

    def close(self) -> None:
        self._foot()
        canvas = self._canvas
        canvas.showPage()
        canvas.beginForm(_FOOT)
        canvas.setFont(FONT, 7)
        canvas.drawString(LEFT, 14 * mm, self._summary())
        canvas.drawString(LEFT, 10.5 * mm, f"SHA-256 {self._digest.hexdigest()}")
        canvas.drawRightString(RIGHT, 14 * mm, f"/ {self._page}")
        canvas.endForm()
        canvas.save()

    def _summary(self) -> str:
        period = " · ".join(f"{name}: {text}" for name, text in self._about.question) or _("All events")
        return _("%(events)s events · %(question)s") % {"events": f"{self._rows:,}", "question": period[:110]}

    def _head(self) -> None:
        canvas = self._canvas
        canvas.setFont(FONT, 15)
        canvas.drawString(LEFT, self._y - 15, _("Ledger report"))
        self._y -= 28
        canvas.setFont(FONT, SIZE)
        for name, text in about_lines(self._about):
            for place, line in enumerate(wrapped(text, RIGHT - LEFT - 40 * mm, SIZE)):
                canvas.drawString(LEFT, self._y - LINE, name if place == 0 else "")
                canvas.drawString(LEFT + 40 * mm, self._y - LINE, line)
                self._y -= LINE
        note = _(
            "The hash at the foot is the SHA-256 of the chain's hashes of the events printed, one after another."
        )
        for line in wrapped(note, RIGHT - LEFT, SIZE):
            canvas.drawString(LEFT, self._y - LINE, line)
            self._y -= LINE
        self._y -= LINE

    def _foot(self) -> None:
        self._canvas.doForm(_FOOT)
        self._canvas.setFont(FONT, 7)
        self._canvas.drawRightString(RIGHT - 12 * mm, 14 * mm, f"{self._page}")

    def _turn(self) -> None:
        self._foot()
        self._canvas.showPage()
        self._page += 1
        self._y = TOP


def wrapped(text: str, width: float, size: float) -> Iterator[str]:
    """Lines that fit: broken after any character, as Japanese is, but not inside a Latin word that fits a line."""

    def long(part: str) -> float:
        return float(pdfmetrics.stringWidth(part, FONT, size))

    line = ""
    for word in _words(text):
        if line and long(line + word) > width:
            yield line
            line = ""
        line = line + word if line else word.lstrip()
        while long(line) > width:
            cut = max(1, int(len(line) * width / long(line)) - 1)
            yield line[:cut]
            line = line[cut:]
    yield line


def _words(text: str) -> Iterator[str]:
    word = ""
    for one in text:
        if one.isascii() and not one.isspace():
            word += one
            continue
        if word:
            yield word
        word = ""
        yield one
    if word:
        yield word
