"""How far clocks stand apart: this machine's, the database's, and that of a time server (SNTP, RFC 4330).

Offsets are of the first named clock against the second: positive means that the first one is ahead.
"""

import struct
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

#: From here on the difference is an alarm (research: no figure in the guideline; one second is ours).
LIMIT = timedelta(seconds=1)
PORT = 123
#: Seconds from the beginning of NTP's time (1900) to that of Unix (1970).
_ERA = 2_208_988_800
_PACKET = struct.Struct("!BBbb11I")
_CLIENT, _SERVER = 3, 4
_UNSYNCHRONISED, _STRATUM_MOST = 3, 15


class ClockState(StrEnum):
    """unreachable: a time server is named but does not answer. unconfigured: none is named."""

    OK = "ok"
    OVER = "over"
    UNREACHABLE = "unreachable"
    UNCONFIGURED = "unconfigured"


class BadAnswer(ValueError):
    """What came is no answer of a time server that is itself in time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a time server: the machine's clock against it, how long the answer was on its way, its stratum."""

    offset: timedelta
    delay: timedelta
    stratum: int


@dataclass(frozen=True, slots=True)
class Skew:
    """One measurement. `machine`: this machine's clock against the database's; `database`: the database's against the
    source's (None: not known); `problem`: why the source did not answer."""

    machine: timedelta
    source: str = ""
    database: timedelta | None = None
    stratum: int | None = None
    problem: str = ""

    @property
    def state(self) -> ClockState:
        if abs(self.machine) > LIMIT or (self.database is not None and abs(self.database) > LIMIT):
            return ClockState.OVER
        if not self.source:
            return ClockState.UNCONFIGURED
        return ClockState.UNREACHABLE if self.database is None else ClockState.OK


def middle_offset(sent: float, received: float, theirs: float) -> timedelta:
    """Our clock against theirs (all in Unix seconds), when they read it somewhere between our two readings."""
    return timedelta(seconds=(sent + received) / 2 - theirs)


def read_address(text: str) -> tuple[str, int] | None:
    """`host` or `host:port` of a time server; "" is None. Raises ValueError."""
    if not text:
        return None
    host, colon, port = text.strip().rpartition(":")
    if not colon:
        host, port = text.strip(), str(PORT)
    if not host or ":" in host or not port.isdigit() or not 0 < int(port) < 65536 or not host.isascii():
        raise ValueError("write the time server as host or host:port, e.g. ntp.nict.jp")
    return host, int(port)


def question(sent: float) -> bytes:
    """A client's packet of version 4 that carries our clock, which the answer must repeat."""
    seconds, fraction = _stamp(sent)
    return _PACKET.pack(4 << 3 | _CLIENT, 0, 0, 0, *[0] * 9, seconds, fraction)


def answer(packet: bytes, *, sent: float, received: float) -> Sample:
    """Read the answer to `question(sent)`, which came at `received`. Raises BadAnswer.

    An answer that does not repeat our own stamp was not made for us (RFC 4330 section 5, checks 1 to 5).
    """
    if len(packet) < _PACKET.size:
        raise BadAnswer("short")
    flags, stratum, _poll, _precision, *words = _PACKET.unpack(packet[: _PACKET.size])
    if flags & 7 != _SERVER or tuple(words[5:7]) != _stamp(sent):
        raise BadAnswer("not_ours")
    if flags >> 6 == _UNSYNCHRONISED or not 1 <= stratum <= _STRATUM_MOST or not words[9]:
        raise BadAnswer("unsynchronised")
    arrived, left = _seconds(words[7], words[8]), _seconds(words[9], words[10])
    return Sample(
        offset=timedelta(seconds=((sent - arrived) + (received - left)) / 2),
        delay=timedelta(seconds=(received - sent) - (left - arrived)),
        stratum=stratum,
    )


def _stamp(moment: float) -> tuple[int, int]:
    whole = int(moment)
    return (whole + _ERA) % 2**32, int((moment - whole) * 2**32)


def _seconds(seconds: int, fraction: int) -> float:
    """Unix seconds; stamps from before 1968 belong to the era that begins in 2036."""
    era = 0 if seconds >= 2**31 else 2**32
    return seconds + era - _ERA + fraction / 2**32
