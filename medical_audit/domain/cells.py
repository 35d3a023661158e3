"""Texts that a spreadsheet takes as texts, whoever wrote them."""

import re

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
