"""Are the seals whole, and does the database still hold what the anchors hold?"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from medical_audit.anchors.timestamps import read_roots
from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.anchoring import Anchor, AnchorError, Payload, heads_known, newest_of
from medical_audit.domain.chain import link_hash
from medical_audit.domain.checkpoint import NOTHING_BEFORE, Checkpoint, TreeHead, note_hash, root_over
from medical_audit.domain.notes import BadNote, VerifierKey, open_note
from medical_audit.queries import seals
from medical_audit.queries.links import links_of_kinds
from medical_audit.queries.restores import Restored, going_on, restores, with_losses
from medical_audit.queries.seals import Stored
from medical_audit.queries.stamps import Stamps, verify_stamps
from medical_audit.queries.verification import Damage, Tell, Verification, Witnessed, verify
from medical_audit.tenancy import platform_scope, tenant_scope

#: A longer silence than this between two seals must have been recorded by the sealer that went on.
GAP = timedelta(seconds=180)
#: An anchor that lacks a seal for longer than this cannot tell what was cut off: the sealer tries again each minute.
ANCHOR_LATE = timedelta(minutes=10)
PAGE = 2000


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence of the sealer, from one seal to the next; recorded when sealing went on."""

    number: int
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class AnchorState:
    """`number`: the newest seal there (0: none); `problem`: why it could not be read, or cannot tell what was cut off."""

    name: str
    number: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Seals:
    """The seals of the whole platform. `number`: the newest; `guarded`: the database itself refuses catalogue changes."""

    number: int
    at: datetime | None
    damage: Damage | None
    gaps: tuple[Gap, ...]
    anchors: tuple[AnchorState, ...]
    guarded: bool
    witnessed: Witnessed
    stamps: Stamps
    restores: tuple[Restored, ...] = ()

    @property
    def intact(self) -> bool:
        return self.damage is None

    @property
    def cannot_say(self) -> str:
        """Why nothing can be said of what was cut off behind the newest seal: every anchor is away, or far behind."""
        if self.anchors and all(one.problem for one in self.anchors):
            return "; ".join(f"{one.name}: {one.problem}" for one in self.anchors)
        return ""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole verdict: the seals, and each chain that was asked for."""

    seals: Seals
    chains: tuple[Verification, ...]

    @property
    def intact(self) -> bool:
        return self.seals.intact and all(chain.intact for chain in self.chains)


def verify_ledger(
    tenants: Sequence[UUID],
    keys: Sequence[VerifierKey],
    anchors: Sequence[Anchor],
    *,
    approvers: Sequence[VerifierKey] = (),
    tsa_ca_file: str = "",
    tell: Tell | None = None,
) -> Report:
    """Seals, their stamps and anchors first, then these chains against them. Needs the audit role.

    `approvers`: who may have signed that the record goes on behind a restore; `tsa_ca_file`: the root by which stamps are
    checked; `tell`: events checked so far.
    """
    found, checked, done = verify_seals(keys, anchors, approvers, tsa_ca_file=tsa_ca_file), [], 0
    for tenant_id in tenants:
        chain = verify(tenant_id, witnessed=found.witnessed, tell=tell and _from(done, tell))
        done += chain.events
        checked.append(chain)
    return Report(found, tuple(checked))


def _from(done: int, tell: Tell) -> Tell:
    """Counts of one chain, told as counts of all."""
    return lambda count: tell(done + count)


def verify_seals(
    keys: Sequence[VerifierKey],
    anchors: Sequence[Anchor],
    approvers: Sequence[VerifierKey] = (),
    *,
    tsa_ca_file: str = "",
) -> Seals:
    """Numbers, signatures, the chain of notes, the root over all tenants, the catalogue, the heartbeat; then the stamps and
    the anchors."""
    with platform_scope():
        # Before what is said of them is read: what somebody announces meanwhile is no damage.
        opened, right = seals.maintenances(), seals.registered()
        newest, accepted = seals.newest_checkpoint(), with_losses(restores(approvers))
        walk = _Walk(_said(), accepted)
        damage = walk.over(newest.number if newest else 0, keys) or _unannounced(walk.said, opened, right)
        guarded = seals.is_guarded()
        stamps = _stamps(tsa_ca_file)
        held = {name: duty.number for name, duty in seals.duties().items()}
    states, far = [], _Far(damage or stamps.damage, accepted)
    for anchor in anchors:
        states.append(far.ask(anchor, keys, held.get(f"{seals.ANCHOR_DUTY}{anchor.name}", 0)))
    return Seals(
        number=newest.number if newest else 0,
        at=newest.at if newest else None,
        damage=far.damage,
        gaps=tuple(walk.gaps),
        anchors=tuple(states),
        guarded=guarded,
        witnessed=Witnessed(heads_known(far.missing), keys),
        restores=tuple(accepted),
        stamps=stamps,
    )


def _stamps(tsa_ca_file: str) -> Stamps:
    try:
        return verify_stamps(read_roots(tsa_ca_file))
    except AnchorError as error:
        return verify_stamps((), str(error))


@dataclass(frozen=True, slots=True)
class _Window:
    """A maintenance: `until` as announced, `closed` where its opener said before that he had changed something."""

    begin: datetime
    until: datetime
    closed: datetime


def _windows(told: Sequence[tuple[str, datetime, dict[str, Any], str]]) -> Iterator[_Window]:
    """Told by the order of the chain."""
    for place, (kind, begin, detail, by) in enumerate(told):
        if kind == "ledger.maintenance_opened":
            later = (
                at for what, at, _, who in told[place:] if (what, who) == ("ledger.catalogue_changed", by)
            )
            until = _until(detail, begin)
            yield _Window(begin, until, min(until, next(later, until)))


@dataclass(frozen=True, slots=True)
class _Said:
    """What the platform's own chain says of changes and silences; an event that was edited says nothing."""

    digests: frozenset[str]
    windows: tuple[_Window, ...]
    resumed_after: frozenset[int]

    def excuses(self, digest: str, at: datetime) -> bool:
        return digest in self.digests or any(one.begin <= at <= one.closed for one in self.windows)


def _said() -> _Said:
    with tenant_scope(NO_TENANT):
        links = [link for link in links_of_kinds(NO_TENANT, seals.EXCUSES) if link_hash(link) == link.hash]
    bodies = [(link.event_at, json.loads(link.body)) for link in links]
    rows = [(body.get("kind"), at, body.get("detail"), body.get("actor")) for at, body in bodies]
    # What is of another shape nobody of ours wrote: it excuses nothing, and what wrote it is named by the chain's own check.
    told = [
        (str(kind), at, detail, str(actor.get("id")))
        for kind, at, detail, actor in rows
        if isinstance(detail, dict) and isinstance(actor, dict)
    ]
    return _Said(
        digests=frozenset(
            str(d.get("after")) for kind, _, d, _by in told if kind == "ledger.catalogue_changed"
        ),
        windows=tuple(_windows(told)),
        resumed_after=frozenset(
            after
            for kind, _, d, _by in told
            if kind == "ledger.sealing_resumed" and isinstance(after := d.get("after"), int)
        ),
    )


def _unannounced(
    said: _Said, opened: Sequence[tuple[datetime, datetime]], right: Sequence[tuple[datetime, str]]
) -> Damage | None:
    """A maintenance, or a digest registered as right, of which the platform's own chain says nothing. It is told at the first seal
    behind it, or at the last one there is."""
    until = {one.until for one in said.windows}
    odd = [at for at, end in opened if end not in until]
    odd += [at for at, digest in right if digest not in said.digests]
    return Damage("catalogue_changed", seals.number_at(min(odd))) if odd else None


def _until(detail: dict[str, Any], at: datetime) -> datetime:
    """When an announced maintenance ends; at once where that cannot be read."""
    try:
        found = datetime.fromisoformat(str(detail.get("until")))
    except ValueError:
        return at
    return found if found.tzinfo else at


class _Walk:
    """All checkpoints in order."""

    def __init__(self, said: _Said, accepted: Sequence[Restored]) -> None:
        self.said, self.accepted = said, accepted
        self.heads: dict[UUID, TreeHead] = {}
        self.gaps: list[Gap] = []

    def over(self, last: int, keys: Sequence[VerifierKey]) -> Damage | None:
        """The first damage. The newest signature is enough: each note names the hash of the one before it."""
        prev, previous, stored, epoch = NOTHING_BEFORE, None, None, 0
        expected, prev, epoch = self._behind(0, prev, epoch)
        for first in range(1, last + 1, PAGE):
            until = min(first + PAGE - 1, last)
            grown = dict(seals.growth(first - 1, until, page=PAGE))
            for stored in seals.checkpoints(first, until):
                if stored.number != expected:
                    return Damage("seal_broken", expected)
                one = _read(stored, prev, epoch)
                damage = Damage("seal_broken", expected) if one is None else self._step(one, previous, grown)
                if damage is not None:
                    return damage
                previous = one
                expected, prev, epoch = self._behind(stored.number, stored.hash, epoch)
        if (previous.number if previous else 0) != last:
            return Damage("seal_broken", expected)
        if stored is not None and not _signed(stored, keys):
            return Damage("seal_broken", stored.number)
        return None

    def _behind(self, number: int, hashed: bytes, epoch: int) -> tuple[int, bytes, int]:
        """(number, prev, epoch) of the seal behind this one: the next, or the one at which the record went on once restored."""
        restored = going_on(self.accepted, number)
        if restored is None or restored.statement.new_hash != hashed:
            return number + 1, hashed, epoch
        return restored.statement.old + 1, restored.hash, restored.statement.epoch

    def _step(
        self, one: Checkpoint, previous: Checkpoint | None, grown: dict[int, list[TreeHead]]
    ) -> Damage | None:
        mine = grown.get(one.number, [])
        self.heads |= {head.tenant_id: head for head in mine}
        if previous is None or mine:
            covered = (len(self.heads), root_over(self.heads.values()))
        else:
            covered = (previous.tenants, previous.root)
        kind = ""
        if (one.tenants, one.root) != covered:
            kind = "recomputed"
        elif not self.said.excuses(one.catalogue, one.at):
            kind = "catalogue_changed"
        elif previous is not None:
            kind = self._after(one, previous)
        return Damage(kind, one.number) if kind else None

    def _after(self, one: Checkpoint, previous: Checkpoint) -> str:
        if one.at <= previous.at:
            return "back_dated"
        if one.at - previous.at > GAP:
            if previous.number not in self.said.resumed_after:
                return "heartbeat_missing"
            self.gaps.append(Gap(one.number, previous.at, one.at))
        return ""


def _stale(number: int) -> str:
    """Why an anchor that ends with this seal cannot tell what was cut off behind it: it took nothing for long, while seals were made."""
    with platform_scope():
        lacking, newest = seals.checkpoint_behind(number), seals.newest_checkpoint()
    if lacking is None or newest is None or newest.at - lacking.at <= ANCHOR_LATE:
        return ""
    return f"it ends with seal {number} and lacks all since {lacking.at:%Y-%m-%d %H:%M} UTC; the newest is seal {newest.number}"


def _read(stored: Stored, prev: bytes, epoch: int) -> Checkpoint | None:
    text, _, _ = stored.note.rpartition("\n\n")
    try:
        found = Checkpoint.parse(f"{text}\n")
    except BadNote:
        return None
    whole = (found.number, found.at, found.prev, found.epoch, note_hash(stored.note)) == (
        stored.number,
        stored.at,
        prev,
        epoch,
        stored.hash,
    )
    return found if whole else None


def _signed(stored: Stored, keys: Sequence[VerifierKey]) -> bool:
    try:
        open_note(stored.note, keys, number=stored.number)
    except BadNote:
        return False
    return True


@dataclass
class _Far:
    """What the anchors hold against what the database holds."""

    damage: Damage | None
    accepted: Sequence[Restored]
    missing: list[Payload] = field(default_factory=list)

    def ask(self, anchor: Anchor, keys: Sequence[VerifierKey], hint: int) -> AnchorState:
        """`hint`: which seal is said to be there."""
        try:
            there = newest_of(anchor, hint)
            if there is None:
                return AnchorState(anchor.name, 0, _stale(0))
            open_note(there.note, keys, number=there.number)
            with platform_scope():  # asked after the anchor: seals may have been made meanwhile
                newest, mine = seals.newest_checkpoint(), seals.checkpoint(there.number)
            here = newest.number if newest else 0
            if self._given_up(there):
                return AnchorState(anchor.name, there.number, _stale(there.number))
            if there.number > here:
                self.missing += anchor.after(here)
                self.damage = self.damage or Damage("tail_cut" if here else "wiped", here + 1)
            elif mine is None or mine.note != there.note:
                self.damage = self.damage or Damage("recomputed", there.number)
        except AnchorError as error:
            return AnchorState(anchor.name, 0, str(error))
        except BadNote as error:
            return AnchorState(anchor.name, 0, f"what is there is no seal of ours ({error})")
        return AnchorState(anchor.name, there.number, _stale(there.number))

    def _given_up(self, there: Payload) -> bool:
        """Whether its newest seal is one that two people gave up at a restore, and no seal was sent there since."""
        for one in (each.statement for each in self.accepted):
            if one.covers(there.number):
                return there.number < one.old or note_hash(there.note) == one.old_hash
        return False
