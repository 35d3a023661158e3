"""Codes that people copy from paper or hear over the telephone."""

import secrets
from typing import Final

#: Without letters and digits that are taken for one another: just under five bits each.
_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"


def new_code(length: int) -> str:
    """A random one, as it is compared."""
    return "".join(secrets.choice(_LETTERS) for _letter in range(length))


def spelled(code: str) -> str:
    """As it is shown: in groups of four."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def plain(text: str) -> str:
    """What somebody typed, as it is compared."""
    return "".join(text.split()).replace("-", "").lower()
