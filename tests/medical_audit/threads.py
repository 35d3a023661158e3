"""Threads that race, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def race(count: int, work: Callable[[int], T]) -> list[T | Exception]:
    """Run `work(0..count-1)` at the same moment; gives what each returned or raised, in that order."""
    start = threading.Barrier(count)

    def run(number: int) -> T | Exception:
        start.wait(timeout=60)
        try:
            return work(number)
        except Exception as error:  # noqa: BLE001  the test looks at it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
