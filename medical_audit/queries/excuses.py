"""What the platform's own chain says of changed guards and of silences: what excuses a seal over other guards, or a late one."""

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import Any

from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.chain import Linked, link_hash
from medical_audit.domain.held import KIND, Held
from medical_audit.domain.notes import BadNote, VerifierKey, open_note
from medical_audit.queries import seals
from medical_audit.queries.links import links_of_kinds
from medical_audit.queries.verification import Damage
from medical_audit.tenancy import tenant_scope


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance: `until` as announced, `closed` where its opener said before that he had changed something."""

    begin: datetime
    until: datetime
    closed: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """`registered`: each digest of the guards and by when it was registered, in the order of the chain; `held`: transactions that the
    sealer saw open over seals."""

    registered: tuple[tuple[datetime, str], ...]
    windows: tuple[Window, ...]
    resumed_after: frozenset[int]
    held: Mapping[int, Held]

    def excuses(self, digest: str, since: datetime | None, at: datetime) -> bool:
        """Whether a seal of this time may bear this digest, behind one of `since`: it was the newest registered one at some time
        between them (the sealer reads it a moment before), or a maintenance was announced. None: no seal was made before. A seal of
        before the first registration may bear any of them."""
        begin = 0 if since is None else max(0, self._known(since) - 1)
        right = (known for _, known in self.registered[begin : self._known(at) or None])
        return digest in right or any(one.begin <= at <= one.closed for one in self.windows)

    def _known(self, at: datetime) -> int:
        """How many digests had been registered by then."""
        return bisect_right(self.registered, at, key=lambda one: one[0])


@dataclass(frozen=True, slots=True)
class _Told:
    kind: str
    link: Linked
    detail: dict[str, Any]
    by: str


def read_said(keys: Sequence[VerifierKey]) -> Said:
    """`keys`: whose word on a transaction counts. An event that was edited says nothing. Needs the audit role."""
    with tenant_scope(NO_TENANT):
        links = [link for link in links_of_kinds(NO_TENANT, seals.EXCUSES) if link_hash(link) == link.hash]
    # What is of another shape nobody of ours wrote: it excuses nothing, and what wrote it is named by the chain's own check.
    told = [
        _Told(str(body.get("kind")), link, detail, str(actor.get("id")))
        for link in links
        if isinstance(body := json.loads(link.body), dict)
        and isinstance(detail := body.get("detail"), dict)
        and isinstance(actor := body.get("actor"), dict)
    ]
    return Said(
        registered=tuple(_registered([one for one in told if one.kind == "ledger.catalogue_changed"])),
        windows=tuple(_windows(told)),
        resumed_after=frozenset(
            after
            for one in told
            if one.kind == "ledger.sealing_resumed" and isinstance(after := one.detail.get("after"), int)
        ),
        held=dict(one for one in map(partial(_held, keys), told) if one is not None),
    )


def _held(keys: Sequence[VerifierKey], one: _Told) -> tuple[int, Held] | None:
    if one.kind != KIND:
        return None
    try:
        # By the seal that holds it: a key that was retired by then says nothing more.
        text, _key = open_note(str(one.detail.get("note")), keys, number=seals.number_at(one.link.linked_at))
        held = Held.parse(text)
    except BadNote:
        return None
    return held.txid, held


def _registered(told: Sequence[_Told]) -> Iterator[tuple[datetime, str]]:
    """By the clock at their commit, not after what was registered behind them: a clock that was set back leaves no disorder."""
    times = list(accumulate((one.link.clock_at for one in reversed(told)), min))
    for one, at in zip(told, reversed(times), strict=True):
        yield at, str(one.detail.get("after"))


def _windows(told: Sequence[_Told]) -> Iterator[Window]:
    """Told by the order of the chain."""
    for place, one in enumerate(told):
        if one.kind == "ledger.maintenance_opened":
            later = (
                other.link.clock_at
                for other in told[place:]
                if (other.kind, other.by) == ("ledger.catalogue_changed", one.by)
            )
            begin = one.link.event_at
            until = _until(one.detail, begin)
            yield Window(begin, until, min(until, next(later, until)))


def _until(detail: dict[str, Any], at: datetime) -> datetime:
    """When an announced maintenance ends; at once where that cannot be read."""
    try:
        found = datetime.fromisoformat(str(detail.get("until")))
    except ValueError:
        return at
    return found if found.tzinfo else at


def unannounced(
    said: Said, opened: Sequence[tuple[datetime, datetime]], right: Sequence[tuple[datetime, str]]
) -> Damage | None:
    """A maintenance, or a digest registered as right, of which the platform's own chain says nothing. It is told at the first seal
    behind it, or at the last one there is."""
    until, digests = {one.until for one in said.windows}, {digest for _, digest in said.registered}
    odd = [at for at, end in opened if end not in until]
    odd += [at for at, digest in right if digest not in digests]
    return Damage("catalogue_changed", seals.number_at(min(odd))) if odd else None
