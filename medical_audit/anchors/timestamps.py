"""Time stamps of RFC 3161: somebody else's signed word that a seal existed at a moment.

The authority gets the seal's SHA-256, nothing of the ledger. Its answer is checked when it comes and whenever the ledger
is verified: by the root certificates of the settings, at the time that it names.
"""

import concurrent.futures
import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from medical_audit.domain.anchoring import AnchorDoubt, AnchorError

#: A seal is stamped in the round that makes it, so that its own time and its stamp's are never further apart.
APART = timedelta(minutes=5)
#: A longer answer is none; real ones have two to eight kilobytes.
LONGEST_ANSWER = 65_536
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """`token`: the authority's whole answer as it came; `at`: the time that it names."""

    token: bytes
    at: datetime


def read_roots(file: str) -> tuple[Certificate, ...]:
    """The root certificates of a PEM file; none for "". Raises AnchorError."""
    try:
        return tuple(load_pem_x509_certificates(Path(file).read_bytes())) if file else ()
    except (OSError, ValueError) as error:
        raise AnchorError(f"{file}: {getattr(error, 'strerror', None) or error}") from error


class TimeStamper:
    """One authority, as the settings name it."""

    def __init__(self, url: str, roots: Sequence[Certificate], *, timeout_s: float = TIMEOUT_S) -> None:
        if not url.startswith(("https://", "http://")):
            raise AnchorError(f"TOBAN_TSA_URL: {url} is no address of the web")
        self.url, self.roots, self.timeout_s = url, roots, timeout_s
        self._asking: threading.Thread | None = None

    def stamp(self, note: str) -> Stamp:
        """Have a seal's note stamped now. Raises AnchorError, AnchorDoubt (an answer that does not hold)."""
        text = note.encode()
        asked = (
            TimestampRequestBuilder()
            .data(text)
            .hash_algorithm(HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        answer = self._ask_in_time(asked.as_bytes())
        return Stamp(answer, check_stamp(answer, note, self.roots, nonce=asked.nonce))

    def _ask_in_time(self, question: bytes) -> bytes:
        """In a thread of its own: a name that nobody resolves, or a head that comes byte by byte, must not hold up the seals.
        One that goes on nevertheless is left to itself, and the authority is not asked again before it ends."""
        if self._asking is not None and self._asking.is_alive():
            raise AnchorError(f"{self.url}: the question before this one is still under way")
        answer: concurrent.futures.Future[bytes] = concurrent.futures.Future()

        def ask() -> None:
            try:
                answer.set_result(self._ask(question))
            except Exception as error:  # noqa: BLE001  whoever asked raises it
                answer.set_exception(error)

        self._asking = threading.Thread(target=ask, name="stamp", daemon=True)
        self._asking.start()
        try:
            return answer.result(timeout=self.timeout_s)
        except TimeoutError as error:
            raise AnchorError(f"{self.url}: no answer within {self.timeout_s:g} s") from error

    def _ask(self, question: bytes) -> bytes:
        request = urllib.request.Request(  # noqa: S310  http or https, see __init__
            self.url, data=question, headers={"Content-Type": "application/timestamp-query"}
        )
        deadline, answer = time.monotonic() + self.timeout_s, b""
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as reply:  # noqa: S310  # nosec B310  the same
                while piece := reply.read1(LONGEST_ANSWER):
                    answer += piece
                    if len(answer) > LONGEST_ANSWER:
                        raise AnchorDoubt(f"{self.url}: the answer is too long for a time stamp")
                    if time.monotonic() > deadline:
                        raise AnchorError(f"{self.url}: no answer within {self.timeout_s:g} s")
        except urllib.error.HTTPError as error:
            raise AnchorError(f"{self.url}: HTTP {error.code}") from error
        except (OSError, http.client.HTTPException) as error:  # urllib's own among them
            reason = getattr(error, "reason", None) or error
            raise AnchorError(f"{self.url}: {reason}") from error
        return answer


def read_stamp(token: bytes) -> TimeStampResponse:
    """Raises AnchorDoubt."""
    try:
        return decode_timestamp_response(token)
    except ValueError as error:
        raise AnchorDoubt("the time stamp cannot be read") from error


def check_stamp(
    token: bytes, note: str, roots: Sequence[Certificate], *, nonce: int | None = None
) -> datetime:
    """The time that the authority names for this note; raises AnchorDoubt where it did not sign that."""
    found = read_stamp(token)
    builder = VerifierBuilder(roots=list(roots), nonce=nonce)
    try:
        builder.build().verify_message(found, note.encode())
        at: datetime = found.tst_info.gen_time
    except (VerificationError, ValueError) as error:
        raise AnchorDoubt(f"the time stamp does not hold: {error}") from error
    return at


def check_time(at: datetime, sealed_at: datetime, authority: str) -> None:
    """A stamp of another time would be damage for good. Raises AnchorDoubt: one of the two clocks is wrong."""
    if abs(at - sealed_at) > APART:
        apart = round(abs(at - sealed_at).total_seconds())
        raise AnchorDoubt(f"{authority}: its clock and the database's are {apart} s apart")
