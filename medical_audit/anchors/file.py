"""An append-only file: one line a seal, written out to the disk before it counts.

What keeps it append-only is its place: another machine's export, or `chattr +a`. Toban itself only appends.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from medical_audit.domain.anchoring import LONGEST, AnchorDoubt, AnchorError, Payload

_BLOCK = 65536


class FileAnchor:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = "file"

    def put(self, payload: Payload) -> None:
        line = f"{payload.text()}\n".encode()
        try:
            newest = self.newest(at_least=0)
            if newest is not None and newest.number >= payload.number:
                return
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            handle = os.open(self.path, flags, 0o600)
            try:
                size = os.fstat(handle).st_size
                if size and not _ends_a_line(self.path, size):
                    line = b"\n" + line  # a disk that was full cut the line before
                if os.write(handle, line) != len(line):
                    raise AnchorError(f"{self.path}: the line was cut; is the disk full?")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise AnchorError(
                f"{self.path}: {error.strerror}. Make the folder writable for the sealer."
            ) from error

    def newest(self, *, at_least: int) -> Payload | None:
        best: Payload | None = None
        for line in self._lines_from_the_end():
            try:
                best = Payload.parse(line)
                break
            except AnchorDoubt:
                continue  # a line that was cut; the one before is whole
        return best

    def after(self, number: int) -> Iterator[Payload]:
        found: list[Payload] = []
        for line in self._lines_from_the_end():
            try:
                payload = Payload.parse(line)
            except AnchorDoubt:
                continue
            if payload.number <= number:
                break
            found.append(payload)
        yield from reversed(found)

    def _lines_from_the_end(self) -> Iterator[str]:
        """Whole and cut lines, the last one first, without reading the file from its beginning."""
        try:
            with self.path.open("rb") as handle:
                place, rest = handle.seek(0, os.SEEK_END), b""
                while place > 0:
                    step = min(_BLOCK, place)
                    place -= step
                    handle.seek(place)
                    rest = handle.read(step) + rest
                    first, *lines = rest.split(b"\n")
                    for line in reversed(lines):
                        if line:
                            yield line.decode("utf-8", "replace")
                    rest = first
                    if len(rest) > LONGEST:
                        raise AnchorDoubt(f"{self.path}: a line of more than {LONGEST} bytes is no seal")
                if rest:
                    yield rest.decode("utf-8", "replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise AnchorError(f"{self.path}: {error.strerror}") from error


def _ends_a_line(path: Path, size: int) -> bool:
    with path.open("rb") as handle:
        handle.seek(size - 1)
        return handle.read(1) == b"\n"
