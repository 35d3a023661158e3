"""The ledger as it grows, sent to each receiver that the settings name: in order, at least once, beside everything else.

How far a receiver has come is kept per tenant (`ledger.duty`), and moves only when the receiver has shown that it read to
the end. A receiver that is away costs nothing but its own backlog.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from uuid import UUID

import structlog
from django.db import DatabaseError, connection

from medical_audit.anchors.syslog import StreamError
from medical_audit.domain.anchoring import Payload
from medical_audit.domain.checkpoint import TreeHead
from medical_audit.domain.streams import Destination, link_frame, seal_frame
from medical_audit.operations.sealer import report
from medical_audit.queries import seals
from medical_audit.queries.links import links_after
from medical_audit.queries.people import people_in
from medical_audit.queries.seals import Duty
from medical_audit.tenancy import platform_scope, tenant_scope

#: Of one tenant, and in all, in one batch: a tenant with a long backlog does not keep the others' news waiting.
EVENTS_EACH, MESSAGES_MOST = 200, 1000
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=5)
Send = Callable[[Sequence[bytes], Destination], None]
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Batch:
    """`reached`: by duty, up to where its receiver has everything once these frames are there; `most`: how many there may be."""

    most: int
    frames: list[bytes] = field(default_factory=list)
    reached: dict[str, int] = field(default_factory=dict)

    @property
    def room(self) -> int:
        return self.most - len(self.frames)


class Stream:
    """One receiver's. `wait`: how long it is left alone after failures in a row; `most`: how much it is given at once, which
    halves with each batch that did not end in time, so that over a slow line there is progress, too."""

    def __init__(self, to: Destination, *, send: Send, machine: str) -> None:
        self.to, self._send, self._machine = to, send, machine
        self.wait, self.most = timedelta(0), MESSAGES_MOST

    def step(self) -> int:
        """Send one batch of what is new, if another process is not at it; the number of messages. Never raises for what
        the receiver does."""
        with _alone(self.to.name) as mine:
            if not mine:
                return 0
            with platform_scope():
                done = seals.duties()
            batch = _Batch(self.most)
            self._add_seals(batch, done)
            self._add_events(batch, done)
            return self._deliver(batch, done) if batch.reached else 0

    def _deliver(self, batch: _Batch, done: dict[str, Duty]) -> int:
        try:
            self._send(batch.frames, self.to)
        except StreamError as error:
            self.wait = min(LONGEST_WAIT, 2 * self.wait or FIRST_WAIT)
            if error.code == "slow":
                self.most = max(1, len(batch.frames) // 2)
            log.warning("stream_failed", stream=self.to.name, code=error.code, why=error.detail)
            for name in batch.reached:
                report(name, 0, str(error))
            return 0
        self.wait, self.most = timedelta(0), min(MESSAGES_MOST, 2 * self.most)
        for name, number in batch.reached.items():
            report(name, number, "")
        return len(batch.frames)

    def _add_seals(self, batch: _Batch, done: dict[str, Duty]) -> None:
        name = self.to.seals_duty
        before = done[name].number if name in done else 0
        with platform_scope():
            newest = seals.newest_checkpoint()
            if newest is None or newest.number <= before:
                return
            last = min(newest.number, before + min(EVENTS_EACH, batch.most))
            grown: dict[int, list[TreeHead]] = {}
            for number, head in seals.grown(before, last):
                if self.to.takes(head.tenant_id):
                    grown.setdefault(number, []).append(head)
            for one in seals.checkpoints(before + 1, last):
                payload = Payload(one.number, one.note, tuple(grown.get(one.number, ())))
                batch.frames.append(seal_frame(payload, one.at, machine=self._machine))
        batch.reached[name] = last

    def _add_events(self, batch: _Batch, done: dict[str, Duty]) -> None:
        with platform_scope():
            found = seals.progress()
        # Another tenant is first each time, so that with more of them than a batch holds each has its turn.
        random.shuffle(found)
        for one in found:
            name = self.to.duty_of(one.tenant_id)
            before = done[name].number if name in done else 0
            if self.to.takes(one.tenant_id) and one.seq > before and batch.room > 0:
                with tenant_scope(one.tenant_id):
                    rows = list(islice(links_after(one.tenant_id, before, page=EVENTS_EACH), EVENTS_EACH))
                rows = rows[: batch.room]
                people = people_in(one.tenant_id, [link.body for link in rows])
                for link in rows:
                    if link.body:  # one that was removed leaves a gap that the receiver sees
                        batch.frames.append(link_frame(link, people, machine=self._machine))
                    batch.reached[name] = link.seq


def send_again(to: Destination, tenant_id: UUID, first: int) -> None:
    """Have a tenant's events sent again from number `first` on, to a receiver that lost what it had.

    Raises ValueError for what was never sent: the place never moves on without a delivery.
    """
    name = to.duty_of(tenant_id)
    with _alone(to.name, wait=True):
        with platform_scope():
            duty = seals.duties().get(name)
        sent = duty.number if duty else 0
        if not 1 <= first <= sent:
            raise ValueError(
                f"stream {to.name}: events 1 to {sent} of this tenant were sent, {first} was not"
            )
        report(name, first - 1, "")


@contextmanager
def _alone(name: str, *, wait: bool = False) -> Iterator[bool]:
    """Whether no other process sends to this receiver: two at once would mix up the order. `wait`: until that is so."""
    key = f"toban:stream:{name}"
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0)), true", [key])
            mine = True
        else:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
            mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


class Streamer:
    """A thread for each receiver, so that a slow one delays neither the others nor the sealing."""

    def __init__(self, streams: Sequence[Stream], *, look_s: float) -> None:
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[one, look_s], name=f"stream:{one.to.name}", daemon=True)
            for one in streams
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, *, patience_s: float) -> None:
        """What is under way may end; what does not is sent again by the next process."""
        self._stopping.set()
        deadline = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, stream: Stream, look_s: float) -> None:
        try:
            while not self._stopping.is_set():
                if not self._step(stream):
                    jitter = 1 + random.random() / 4  # noqa: S311  so that receivers' retries do not fall together
                    self._stopping.wait(max(look_s, stream.wait.total_seconds() * jitter))
        finally:
            connection.close()

    def _step(self, stream: Stream) -> int:
        """Whatever happens in it must not end this receiver's stream for good while sealing goes on."""
        try:
            return stream.step()
        except DatabaseError as error:
            log.error("stream_unread", stream=stream.to.name, error=type(error).__name__)
        except Exception:
            log.exception("stream_broken", stream=stream.to.name)
        connection.close()
        return 0
