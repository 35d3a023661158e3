"""The record of every mutating call, written in the same critical section as the change itself."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.simulator.identify import Call
from config.simulator.wire import Answer

_KEPT = 200_000


@dataclass
class Entry:
    """One mutating call.

    changes: id -> field -> [before, after]; only what the call really changed. A start of a running instance
        is accepted by AWS and leaves `changes` empty: it was not effective.
    code: AWS's error code, None when AWS accepted.
    answered: False when the answer was thrown away on purpose.
    """

    sequence: int
    at: float
    monotonic: float
    account: str
    region: str
    service: str
    action: str
    ids: list[str]
    code: str | None = None
    request_id: str = ""
    answered: bool = True
    changes: dict[str, dict[str, list[Any]]] = field(default_factory=dict)

    def note(self, id: str, name: str, before: Any, after: Any) -> None:
        """Adds one change; setting what was set before is none."""
        if before != after:
            self.changes.setdefault(id, {})[name] = [before, after]


class Journal:
    """Keeps the newest entries in memory and, given a file, all of them there (one JSON object a line)."""

    def __init__(self, file: Path | None = None) -> None:
        # Also held by the seeder: no call lands between two halves of a seeding.
        self.lock = threading.RLock()
        self._here = threading.local()
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._sequence = _last_sequence(file) if file else 0
        self._out = file.open("a", encoding="utf-8") if file else None

    @contextmanager
    def writing(self, call: Call) -> Iterator[Entry]:
        """Runs one mutating call alone: number, change and record are one step for everybody else."""
        with self.lock:
            self._sequence += 1
            entry = Entry(
                self._sequence,
                time.time(),
                time.monotonic(),
                call.account,
                call.region,
                call.service,
                call.action,
                call.ids,
            )
            self._here.entry = entry
            try:
                yield entry
            except BaseException:
                entry.code = "InternalError"
                raise
            finally:
                self._here.entry = None
                self._entries.append(entry)
                if self._out:
                    self._out.write(json.dumps(vars(entry), ensure_ascii=False) + "\n")
                    self._out.flush()

    def refused(self, call: Call, code: str, *, answered: bool = True) -> None:
        """Records a mutating call that a fault, a bucket or the trust stopped before it could change anything."""
        with self.writing(call) as entry:
            entry.code, entry.answered = code, answered

    def action(self) -> str:
        """The action of the call that runs in this thread, "" outside of one."""
        entry: Entry | None = getattr(self._here, "entry", None)
        return entry.action if entry is not None else ""

    def note(self, id: str, name: str, before: Any, after: Any) -> None:
        """Tells the entry of the call that runs in this thread; outside of one (seeding) nothing is kept."""
        entry: Entry | None = getattr(self._here, "entry", None)
        if entry is not None:
            entry.note(id, name, before, after)

    def read(
        self,
        *,
        since: int = 0,
        account: str | None = None,
        action: str | None = None,
        effective: bool = False,
        limit: int = 10_000,
    ) -> dict[str, Any]:
        """Entries with a sequence above `since`, oldest first; `last` is where the next reading goes on."""
        with self.lock:
            entries = list(self._entries)
            newest = self._sequence
        chosen = [
            entry
            for entry in entries
            if entry.sequence > since
            and account in (None, entry.account)
            and action in (None, entry.action)
            and (entry.changes or not effective)
        ]
        more = len(chosen) > limit
        shown = chosen[:limit]
        return {
            "first": entries[0].sequence if entries else newest + 1,
            "last": shown[-1].sequence if more else newest,
            "more": more,
            "entries": [vars(entry) for entry in shown],
        }

    @staticmethod
    def finish(entry: Entry, answer: Answer) -> None:
        """Writes down how AWS answered."""
        entry.code, entry.request_id = answer.code, answer.request_id


def _last_sequence(file: Path) -> int:
    """Where an earlier process stopped counting, 0 for a new file."""
    if not file.exists():
        return 0
    last = 0
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                last = int(json.loads(line)["sequence"])
            except (ValueError, KeyError, TypeError):
                # A line cut short by a kill; the one before it counts.
                continue
    return last
