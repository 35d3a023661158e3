"""Syslog over TLS (RFC 5425): frames go out, and count only when the receiver has shown that it read to their end.

The protocol knows no acknowledgement. What it has is the closing alert, which a receiver answers once it has read all
before it (RFC 5425 §4.4), so each batch has a connection of its own. Certificates are always checked; there is no switch.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from medical_audit.domain.streams import Destination

CONNECT_S = 5.0
#: For a whole batch with its closing: a receiver that takes a byte a second must not hold its stream for hours.
BATCH_S = 30.0
_CHUNK = 65_536


class StreamError(Exception):
    """A receiver did not take a batch. `code`: unresolved, unreachable, untrusted, refused_us, files, slow, cut, unanswered."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}")


def send(
    frames: Sequence[bytes], to: Destination, *, connect_s: float = CONNECT_S, batch_s: float = BATCH_S
) -> None:
    """Send all frames in order. Raises StreamError: then some may have arrived, and all are to be sent again."""
    context = _context(to)
    with _connected(to, connect_s) as plain:
        try:
            wire = _Wire(plain, context, to.host, time.monotonic() + batch_s)
            wire.handshake()
            try:
                wire.write(b"".join(frames))
                answered = wire.close()
            except OSError:
                wire.raise_alert()
                raise
        except ssl.SSLCertVerificationError as error:
            raise StreamError("untrusted", error.verify_message) from error
        except TimeoutError as error:
            raise StreamError("slow", f"not done within {batch_s:g} s") from error
        except ssl.SSLError as error:
            said = error.reason or "the connection ended"
            raise StreamError("refused_us" if "ALERT" in said else "cut", said) from error
        except OSError as error:
            raise StreamError("cut", error.strerror or str(error)) from error
    if not answered and to.closing == "answered":
        raise StreamError("unanswered", "the connection ended without a closing alert")


def _context(to: Destination) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=to.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if to.certificate_file:
            context.load_cert_chain(to.certificate_file, to.key_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        files = ", ".join(Path(file).name for file in (to.ca_file, to.certificate_file, to.key_file) if file)
        raise StreamError("files", f"{files}: {getattr(error, 'strerror', None) or error}") from error
    return context


def _connected(to: Destination, connect_s: float) -> socket.socket:
    try:
        return socket.create_connection((to.host, to.port), timeout=connect_s)
    except socket.gaierror as error:
        raise StreamError("unresolved", error.strerror or "") from error
    except OSError as error:
        raise StreamError("unreachable", error.strerror or str(error)) from error


class _Wire:
    """TLS over buffers of its own. On a socket, OpenSSL's closing takes any fatal alert that it meets for the answer, so that
    a receiver that refuses our certificate would look as if it had read everything."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, host: str, deadline: float) -> None:
        self._plain, self._deadline = plain, deadline
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)

    def handshake(self) -> None:
        self._until_done(self._tls.do_handshake)

    def write(self, data: bytes) -> None:
        for begin in range(0, len(data), _CHUNK):
            self._tls.write(data[begin : begin + _CHUNK])
            self._flush()

    def close(self) -> bool:
        """Say that this was all, and wait for the answer; False: the connection ended without one. Raises what else came."""
        if self._pending() == b"":
            raise ConnectionError("the receiver closed before the end")
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()
        while True:
            try:
                if not self._tls.read(1):
                    return True
            except ssl.SSLZeroReturnError:
                return True
            except ssl.SSLWantReadError:
                if not self._fill():
                    return False

    def raise_alert(self) -> None:
        """With TLS 1.3 a receiver that wants another certificate says so only after the handshake, and our write fails first."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while self._fill():
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                    self._tls.read(1)

    def _pending(self) -> bytes | None:
        """What the receiver said of its own accord: b"" that it closed, None nothing."""
        self._plain.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            if not (data := self._plain.recv(_CHUNK)):
                return b""
            self._in.write(data)
        try:
            return self._tls.read(1)
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLWantReadError:
            return None

    def _until_done(self, step: Callable[[], None]) -> None:
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    raise ConnectionError("the receiver closed during the handshake") from None
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._flush()  # why we do not trust it
                raise
            else:
                self._flush()
                return

    def _flush(self) -> None:
        left = memoryview(self._out.read())
        while left:
            self._plain.settimeout(self._left())
            left = left[self._plain.send(left) :]

    def _fill(self) -> bool:
        self._plain.settimeout(self._left())
        data = self._plain.recv(_CHUNK)
        self._in.write(data)
        return bool(data)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
