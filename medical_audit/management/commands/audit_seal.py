"""`audit_seal [--once]`: the sealer. Connects as toban_audit; holds the only private key."""

import signal
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from medical_audit import anchors, clock
from medical_audit.anchors import syslog
from medical_audit.anchors.timestamps import TimeStamper, read_roots
from medical_audit.domain.anchoring import AnchorError
from medical_audit.domain.checkpoint import ORIGIN
from medical_audit.domain.notes import Signer
from medical_audit.operations.sealer import SEALER, Sealer
from medical_audit.operations.sealing import INTERVAL
from medical_audit.operations.stream_watch import watch_streams
from medical_audit.operations.streaming import Stream, Streamer
from medical_audit.operations.verifying import Verifier
from medical_audit.queries.seals import database_clock

#: How often somebody who waits for a verification is looked for.
LOOK_S = 2.0
#: For batches under way when the process is told to end.
STOP_S = 3.0
log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Seal the ledger each minute, also when idle, and every 1,000 events of a tenant, send each seal to the anchors and what is new to the streams' receivers, "
        "and verify what people ask for. "
        "Two at once are harmless."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one seal, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        sealer = Sealer(
            _signer(),
            settings.TOBAN_SEAL_PUBLIC_KEYS,
            anchors.configured(),
            approvers=settings.TOBAN_APPROVER_KEYS,
            clock=database_clock,
            wall=time.time,
            stamper=_stamper(),
            stamp_every=timedelta(seconds=settings.TOBAN_TSA_EVERY_S),
        )
        if options["once"]:
            sealed = sealer.round()
            self.stdout.write("not sealed" if sealed is None else f"sealed {sealed.number}")
            raise SystemExit(1 if sealed is None else 0)
        verifier = Verifier(
            settings.TOBAN_SEAL_PUBLIC_KEYS,
            anchors.configured(),
            approvers=settings.TOBAN_APPROVER_KEYS,
            clock=clock.now,
            tsa_ca_file=settings.TOBAN_TSA_CA_FILE,
        )
        streamer = Streamer(
            [Stream(to, send=syslog.send, machine=socket.gethostname()) for to in settings.TOBAN_STREAMS],
            look_s=LOOK_S,
        )
        streamer.start()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        due = time.monotonic()
        while not stopping.is_set():
            try:
                if time.monotonic() >= due or sealer.has_much():
                    due = time.monotonic() + INTERVAL.total_seconds()
                    sealer.round()
                    watch_streams(actor=SEALER, now=database_clock())
                verifier.step()
            except DatabaseError as error:
                # The next round tries again; the strip on every page says meanwhile that nothing is sealed.
                log.error("seal_failed", error=type(error).__name__)
                connection.close()
            stopping.wait(LOOK_S)
        streamer.stop(patience_s=STOP_S)


def _stamper() -> TimeStamper | None:
    if not settings.TOBAN_TSA_URL:
        return None
    try:
        return TimeStamper(settings.TOBAN_TSA_URL, read_roots(settings.TOBAN_TSA_CA_FILE))
    except AnchorError as error:
        raise CommandError(f"TOBAN_TSA_CA_FILE: {error}") from error


def _signer() -> Signer:
    """The private key, which must belong to one of the public keys that are still in use."""
    if not settings.TOBAN_SEAL_KEY_FILE:
        raise CommandError(
            "TOBAN_SEAL_KEY_FILE is not set: without a key nothing can be sealed. `manage.py audit_key FILE` makes one."
        )
    try:
        signer = Signer.from_text(ORIGIN, Path(settings.TOBAN_SEAL_KEY_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise CommandError(f"TOBAN_SEAL_KEY_FILE: {error}") from error
    if signer.verifier not in settings.TOBAN_SEAL_PUBLIC_KEYS:
        raise CommandError(
            "TOBAN_SEAL_PUBLIC_KEYS does not name the public half of TOBAN_SEAL_KEY_FILE, so nobody could verify its "
            f"seals. Add {signer.verifier}"
        )
    return signer
