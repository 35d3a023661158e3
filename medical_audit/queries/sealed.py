"""Are the seals whole, and does the database still hold what the anchors hold?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from medical_audit.anchors.timestamps import read_roots
from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.anchoring import Anchor, AnchorError, Payload, heads_known, newest_of
from medical_audit.domain.checkpoint import NOTHING_BEFORE, Checkpoint, TreeHead, note_hash, root_over
from medical_audit.domain.notes import BadNote, VerifierKey, open_note
from medical_audit.queries import seals
from medical_audit.queries.excuses import Said, read_said, unannounced
from medical_audit.queries.restores import Restored, going_on, restores, with_losses
from medical_audit.queries.seals import Stored
from medical_audit.queries.stamps import Stamps, verify_stamps
from medical_audit.queries.verification import Damage, Tell, Verification, Witnessed, verify
from medical_audit.tenancy import platform_scope

#: A longer silence than this between two seals must have been recorded by the sealer that went on.
GAP = timedelta(seconds=180)
#: An anchor that lacks a seal for longer than this cannot tell what was cut off: the sealer tries again each minute.
ANCHOR_LATE = timedelta(minutes=10)
PAGE = 2000
NO_ANCHOR = (
    "no place outside the database holds a copy of the seals, so nobody can tell whether the newest events were cut off together with "
    "them: name two, TOBAN_ANCHOR_FILE and TOBAN_ANCHOR_BUCKET"
)


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
        """Why nothing can be said of what was cut off behind the newest seal: no anchor is named, or each is away or far behind."""
        if not self.anchors:
            return NO_ANCHOR
        if all(one.problem for one in self.anchors):
            return "; ".join(f"{one.name}: {one.problem}" for one in self.anchors)
        return ""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole verdict: the seals, each chain that was asked for, and always the platform's own: what excuses a seal stands in it."""

    seals: Seals
    chains: tuple[Verification, ...]
    platform: Verification

    @property
    def intact(self) -> bool:
        return self.seals.intact and self.platform.intact and all(chain.intact for chain in self.chains)


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
    own = next((chain for chain in checked if chain.tenant_id == NO_TENANT), None)
    return Report(found, tuple(checked), own or verify(NO_TENANT, witnessed=found.witnessed))


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
        walk = _Walk(read_said(keys), accepted)
        damage = walk.over(newest.number if newest else 0, keys) or unannounced(walk.said, opened, right)
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
        witnessed=Witnessed(heads_known(far.missing), keys, walk.said.held),
        restores=tuple(accepted),
        stamps=stamps,
    )


def _stamps(tsa_ca_file: str) -> Stamps:
    try:
        return verify_stamps(read_roots(tsa_ca_file))
    except AnchorError as error:
        return verify_stamps((), str(error))


class _Walk:
    """All checkpoints in order."""

    def __init__(self, said: Said, accepted: Sequence[Restored]) -> None:
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
        elif not self.said.excuses(one.catalogue, previous.at if previous else None, one.at):
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
