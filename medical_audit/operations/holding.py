"""Transactions that have linked events and do not end: seen by the sealer each round, told where one stays open over seals."""

from datetime import datetime

import structlog
from django.db import DatabaseError, connection

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.held import KIND, Held
from medical_audit.domain.notes import Signer
from medical_audit.operations.ledger import record
from medical_audit.queries import seals
from medical_audit.queries.verification import COMMITTING
from medical_audit.tenancy import platform_scope

log = structlog.get_logger(__name__)
#: Told a little before verifiers would call back-dated what it linked.
TOLD_FROM = COMMITTING * 0.9


class Holding:
    """One sealer's memory: since when each transaction may have linked events, and what could not be told yet."""

    def __init__(self) -> None:
        self._since: dict[int, datetime] = {}
        self._untold: list[Held] = []
        self._looked_at: datetime | None = None

    def look(self, signer: Signer, *, actor: Actor, now: datetime) -> None:
        """Before a seal is made, so that it holds what is told here. `now`: by the database's clock, from before the look."""
        with platform_scope():
            newest, flying = seals.newest_checkpoint(), seals.uncommitted()
        if newest is None:
            return
        for txid in self._since.keys() - flying:
            since = self._since.pop(txid)
            if newest.at - since > TOLD_FROM:
                self._untold.append(Held(txid, since, now))
        for txid in flying:
            self._since.setdefault(txid, self._looked_at or newest.at)
        self._looked_at = now
        self._untold = [one for one in self._untold if not _tell(signer, one, actor, now)]


def _tell(signer: Signer, held: Held, actor: Actor, now: datetime) -> bool:
    """False: another transaction holds the platform's own chain, which the sealer does not wait for; it is told with the next seal."""
    detail: dict[str, object] = {"note": signer.sign(held.text()), "transaction": held.txid}
    try:
        with platform_scope():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
            record(KIND, actor=actor, subject=Subject("ledger", "seal"), now=now, detail=detail)
    except DatabaseError as error:
        log.warning("held_untold", txid=held.txid, error=type(error).__name__)
        return False
    log.warning("transaction_held", txid=held.txid)
    return True
