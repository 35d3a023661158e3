"""Texts that a spreadsheet takes as texts, whoever wrote them."""

import re
from typing import Final

#: A text that begins so is a formula to a spreadsheet; Japanese ones read the full-width signs alike, and skip what stands
#: before: spaces, and characters that are not shown.
_FORMULA = re.compile("^[\\s\\x00-\\x1f\\u200b-\\u200f\\u2060\\ufeff]*[=+\\-@＝＋－＠]|^[\\t\\r\\n\\x00]")
#: What neither XML nor a cell can hold.
_CONTROLS = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\\ufffe\\uffff]")


def safe(value: object) -> object:
    """A text that begins like a formula gets ' before it; control characters become the replacement character."""
    if not isinstance(value, str):
        return value
    dangerous = _FORMULA.match(value) is not None
    text = _CONTROLS.sub("\ufffd", value)
    return f"'{text}" if dangerous else text


#: What a cell of a workbook holds (Excel's specifications and limits); a longer text would be left out without a word.
CELL_MAX: Final = 32_767


def fitting(text: str) -> str:
    """The text as a cell of a workbook holds it: cut where it is too long, with how long it was; CSV and JSON hold it whole."""
    if len(text) <= CELL_MAX:
        return text
    told = f" … [{len(text)}]"
    return text[: CELL_MAX - len(told)] + told
