"""What time it is elsewhere: this machine against the database and a time server. The only file that looks at three clocks."""

import socket
import time
from datetime import timedelta

from django.conf import settings
from django.db import connection

from medical_audit.domain.clocks import BadAnswer, Sample, Skew, answer, middle_offset, question

PATIENCE_S = 2.0
#: Of several answers the one that was on its way for the shortest time says most.
ASKED = 3


def measure() -> Skew:
    """One measurement; a time server that does not answer is a finding, never an error."""
    machine = min((_database() for _ in range(ASKED)), key=lambda one: one[0])[1]
    if settings.TOBAN_TIME_SOURCE is None:
        return Skew(machine)
    host, port = settings.TOBAN_TIME_SOURCE
    try:
        sample = ask(host, port)
    except (OSError, BadAnswer) as error:
        problem = str(error) if isinstance(error, BadAnswer) else type(error).__name__
        return Skew(machine, source=host, problem=problem[:100])
    return Skew(machine, source=host, database=sample.offset - machine, stratum=sample.stratum)


def ask(host: str, port: int) -> Sample:
    """One answer of a time server. Raises OSError (also when none comes), BadAnswer."""
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as wire:
        wire.settimeout(PATIENCE_S)
        wire.connect(address)  # so that only this very server's packets come in
        sent = time.time()
        wire.send(question(sent))
        packet = wire.recv(512)
        return answer(packet, sent=sent, received=time.time())


def _database() -> tuple[float, timedelta]:
    """(how long it took, this machine's clock against the database's)."""
    with connection.cursor() as cursor:
        sent = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        (theirs,) = cursor.fetchone()
        received = time.time()
    return received - sent, middle_offset(sent, received, theirs)
