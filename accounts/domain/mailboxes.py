"""Mail addresses as they are taken in: those that a program can write into a letter without a second thought."""

import re
from typing import Final

LONGEST: Final = 254
#: No space, no sign that means something in a header (RFC 5322, specials), so that nothing is quoted either.
_MAILBOX: Final = re.compile(r"[^@\s\"(),:;<>\[\]\\]{1,64}@[^@\s\"(),:;<>\[\]\\]{1,189}")


def is_mailbox(text: str) -> bool:
    """Whether this is an address such as people have (name@hospital.example.jp), printable and without quotes."""
    return len(text) <= LONGEST and text.isprintable() and _MAILBOX.fullmatch(text) is not None
