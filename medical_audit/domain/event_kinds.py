"""Every kind of event that may stand in the ledger, as the top floor, which has words for each, declares them."""

from collections.abc import Collection, Iterable

_KINDS: set[str] = set()


def declare_event_kinds(kinds: Iterable[str]) -> None:
    _KINDS.update(kinds)


def event_kinds() -> Collection[str]:
    return frozenset(_KINDS)
