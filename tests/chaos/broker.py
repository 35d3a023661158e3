"""Two ways in which a broker fails in the middle of work; each gives the field, at rest again, and when it began to count."""

from __future__ import annotations

import os
import signal
from datetime import datetime

from tests import factories
from tests.chaos.field import Field
from tests.chaos.house import House
from tests.chaos.places import wait_until

OPERATIONS = 30
WITHIN = 180.0


def forgets_everything(house: House) -> tuple[Field, datetime]:
    """Every message that would wake a worker is flushed away; counted from when the servers were seen to be due."""
    field = Field([factories.make_cast()], accounts=6, servers=5, shift=house.shift)
    os.kill(house.pid("aws"), signal.SIGSTOP)
    field.look()
    seen = field.now
    wait_until("all are entered", lambda: sum(field.states().values()) == OPERATIONS, within=WITHIN)
    house.flush()
    os.kill(house.pid("aws"), signal.SIGCONT)
    wait_until("all have ended", lambda: field.settled(OPERATIONS), within=WITHIN)
    return field, seen


def dies_and_comes_back(house: House) -> tuple[Field, datetime]:
    """It is killed while servers fall due; counted from when it is back."""
    field = Field([factories.make_cast()], accounts=6, servers=5, shift=house.shift)
    field.look(field.accounts[:3])
    house.servers.kill({"valkey"})
    field.look(field.accounts[3:])
    house.up()
    back = field.now
    wait_until("all have ended", lambda: field.settled(OPERATIONS), within=WITHIN)
    return field, back
