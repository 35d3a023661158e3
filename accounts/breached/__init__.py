"""Passwords that breaches made public: the most common ones, which come with Toban, and the file of an installation.

The list here is the one of @zxcvbn-ts/language-common (config/vendor.py fetches it, static/vendor/vendor.lock has version and
licence). TOBAN_BREACHED_PASSWORDS names a file besides, as Have I Been Pwned offers it for download ("Pwned Passwords, SHA-1,
ordered by hash"): a line per password, 40 hexadecimal digits, mostly ":" and how often it was seen. It is searched where it
lies (tens of gigabytes, some thirty reads) and never loaded.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

from django.conf import settings

from accounts.domain.passwords import plain

LINE_MAX: Final = 200
#: How many lines are looked at when a process begins.
PROBES: Final = 16
_LINE: Final = re.compile(rb"([0-9A-Fa-f]{40})(?::\d+)?\r?\n?")


class Unreadable(Exception):
    """The file of the settings is not there, or is not what it should be; the text says what."""


def is_common(password: str) -> bool:
    """Whether it stands in the list that comes with Toban, whatever its case and width."""
    return plain(password) in _common()


def is_breached(password: str) -> bool:
    """Whether it stands in the installation's own file; never where there is none. Raises Unreadable."""
    path = settings.BREACHED_PASSWORDS
    if not path:
        return False
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with Path(path).open("rb") as handle:
            return _stands_in(handle, wanted)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error


def prove_file(path: str) -> None:
    """Raise Unreadable unless the file can be read and is ordered by hash, as far as some of its lines show."""
    try:
        with Path(path).open("rb") as handle:
            size = handle.seek(0, 2)
            last = _last_line_start(handle, size)
            starts = {last, *(_line_start(handle, size * part // PROBES) for part in range(PROBES))}
            seen = [_digest_at(handle, start) for start in sorted(starts) if start <= last]
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    if seen != sorted(seen):
        raise Unreadable(f"{path}: is not ordered by hash")


@cache
def _common() -> frozenset[str]:
    text = gzip.decompress((Path(__file__).parent / "passwords.txt.gz").read_bytes()).decode()
    return frozenset(plain(line) for line in text.splitlines())


def _stands_in(handle: BinaryIO, wanted: bytes) -> bool:
    """Search between two offsets: the line of `wanted`, if there is one, begins from `low` on and before `high`."""
    # What stands behind the last line, if anything, are ends of lines.
    low, high = 0, _last_line_start(handle, handle.seek(0, 2)) + 1
    while low < high:
        middle = (low + high) // 2
        start = _line_start(handle, middle)
        if start >= high:
            high = middle
            continue
        found = _digest_at(handle, start)
        if found == wanted:
            return True
        if found < wanted:
            low = handle.tell()
        else:
            high = middle
    return False


def _line_start(handle: BinaryIO, offset: int) -> int:
    """Where the first line begins that begins at this offset or later."""
    if offset == 0:
        return 0
    handle.seek(offset - 1)
    handle.readline(LINE_MAX)
    return handle.tell()


def _last_line_start(handle: BinaryIO, size: int) -> int:
    begins = max(size - LINE_MAX, 0)
    handle.seek(begins)
    return begins + handle.read(LINE_MAX).rstrip(b"\r\n").rfind(b"\n") + 1


def _digest_at(handle: BinaryIO, start: int) -> bytes:
    handle.seek(start)
    found = _LINE.fullmatch(handle.readline(LINE_MAX))
    if found is None:
        raise Unreadable(f"{handle.name}: what stands at byte {start} is no line of SHA-1 and number")
    return found[1].upper()
