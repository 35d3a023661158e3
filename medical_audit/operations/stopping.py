"""A process that is asked to stop ends the batch in hand, gives its lanes back, and leaves the rest to others."""

import threading

_asked = threading.Event()


def ask() -> None:
    """From a signal's handler: no further batch is begun in this process."""
    _asked.set()


def asked() -> bool:
    return _asked.is_set()
