"""What a receiver of the stream kept, as an anchor that can only be read: a file with one message a line."""

from collections.abc import Iterator
from pathlib import Path

from medical_audit.domain.anchoring import AnchorError, Payload
from medical_audit.domain.received import Claim, read_received


class ReceivedAnchor:
    """Read anew for each question: such a file may hold years."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, "received"

    def put(self, payload: Payload) -> None:
        raise AnchorError(f"{self.path}: what a receiver kept is read only")

    def newest(self, *, at_least: int) -> Payload | None:
        return max(self._seals(), key=lambda one: one.number, default=None)

    def after(self, number: int) -> Iterator[Payload]:
        """A seal that was sent twice counts once."""
        found = {one.number: one for one in self._seals() if one.number > number}
        for place in sorted(found):
            yield found[place]

    def claims(self) -> Iterator[Claim]:
        return (one for one in self._all() if isinstance(one, Claim))

    def _seals(self) -> Iterator[Payload]:
        return (one for one in self._all() if isinstance(one, Payload))

    def _all(self) -> Iterator[Claim | Payload]:
        try:
            with self.path.open("rb") as file:
                yield from read_received(file)
        except OSError as error:
            raise AnchorError(f"{self.path}: {error.strerror}") from error
