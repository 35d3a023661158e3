"""Death between a snapshot and the deletion, and after each call: nothing doubled, nothing forgotten, and the page says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from accounts.domain.permissions import Role
from infra.models import Volume
from infra.operations import deleting, restoring
from infra.queries.volumes import VolumeDetail, volume_detail
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.chaos.conftest import HerdOf
from tests.chaos.field import Trap
from tests.chaos.places import role, wait_until
from tests.factories import Cast, proof
from tests.simulated import Account, Clock, make_account

pytestmark = pytest.mark.chaos
WITHIN = 90.0
#: A call that stands in a trap is not given up while it is treated badly there.
PATIENT = {"AWS_READ_TIMEOUT_S": 30.0}


@dataclass
class Disk:
    """One left-over volume, and the time in which its workers live: later ones live later, so that nothing is waited for."""

    aws: Account
    shift: timedelta = timedelta(0)
    id: str = ""
    entered: list[Operation] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    @property
    def row(self) -> Volume:
        with tenant_scope(self.aws.cast.tenant.id):
            found: Volume = Volume.objects.get(volume_id=self.id)
            return found

    def order(self, enter: Callable[..., Operation]) -> None:
        operator, approver = (self.aws.cast.actor(one) for one in (Role.OPERATOR, Role.APPROVER))
        one = enter(self.row.id, actor=operator, now=self.now, reason="不要")
        entry.confirm(
            one.id, actor=approver, now=self.now, seen_digest=one.digest, proof=proof(approver, self.now)
        )
        self.entered.append(one)

    def operation(self) -> Operation:
        with tenant_scope(self.aws.cast.tenant.id):
            found: Operation = Operation.objects.get(id=self.entered[-1].id)
            return found

    def page(self) -> VolumeDetail:
        actor = self.aws.cast.actor(Role.OPERATOR)
        with tenant_scope(actor.tenant_id):
            return volume_detail(self.row.id, actor=actor)

    def changes(self) -> list[str]:
        """Effective changes of volumes and snapshots, in order."""
        wanted = ("CreateSnapshot", "DeleteVolume", "CreateVolume")
        return [one["action"] for one in self.aws.journal() if one["action"] in wanted]

    def dies_in(self, action: str, herd_of: HerdOf) -> None:
        """A worker is killed when AWS has applied this call and nobody has heard of it."""
        trap = Trap(self.aws, match={"action": action}, hold="after", times=1)
        herd = herd_of(self, **PATIENT)
        (worker,) = herd.drain()
        wait_until(f"{action} is applied", trap.holds, within=WITHIN)
        herd.kill(worker)
        trap.open()

    def lives_on(self, herd_of: HerdOf, until: Callable[[], bool]) -> None:
        """Another worker comes some minutes later."""
        self.shift += timedelta(minutes=3)
        herd = herd_of(self, **PATIENT)
        (worker,) = herd.drain()
        wait_until("the other worker has done it", until, within=WITHIN)
        herd.kill(worker)

    def ends(self, herd_of: HerdOf) -> Operation:
        self.lives_on(herd_of, lambda: self.operation().state == State.SUCCEEDED)
        return self.operation()


@pytest.fixture
def disk(cast: Cast) -> Disk:
    account = make_account(cast, now=datetime.now(UTC) - timedelta(hours=12))
    made = Disk(account)
    made.id = account.seed(volumes=[{"tags": {"Name": "old-data"}, "size_gib": 40}])["volumes"][0]
    with role("worker"):
        account.inventory(Clock(made.now))
    made.order(deleting.enter_delete)
    return made


def test_killed_between_the_snapshot_and_the_deletion_there_is_one_snapshot_and_then_no_volume(
    disk: Disk, herd_of: HerdOf
) -> None:
    disk.dies_in("CreateSnapshot", herd_of)
    seen = disk.page()
    assert (seen.volume.gone_at, seen.refusal) == (None, "operation_open")
    assert [one.state for one in seen.operations] == [State.RUNNING]
    disk.lives_on(herd_of, lambda: "DeleteVolume" in disk.changes())
    ended = disk.ends(herd_of)
    assert disk.changes() == ["CreateSnapshot", "DeleteVolume"]
    assert ended.outcome == "deleted"
    seen = disk.page()
    assert (seen.snapshot, seen.may_restore) == (ended.outcome_detail["snapshot"], True)


def test_killed_after_the_deletion_it_is_found_done_and_a_killed_restore_makes_one_volume(
    disk: Disk, herd_of: HerdOf
) -> None:
    disk.lives_on(herd_of, lambda: disk.changes() == ["CreateSnapshot"])
    disk.shift += timedelta(minutes=3)
    disk.dies_in("DeleteVolume", herd_of)
    assert disk.page().volume.gone_at is None  # nobody has heard of it yet
    assert disk.ends(herd_of).outcome == "deleted"
    assert disk.page().volume.gone_at is not None
    disk.order(restoring.enter_restore)
    disk.dies_in("CreateVolume", herd_of)
    assert disk.page().restored == ""
    assert disk.page().may_restore is False  # it is under way
    ended = disk.ends(herd_of)
    assert disk.changes() == ["CreateSnapshot", "DeleteVolume", "CreateVolume"]
    assert disk.page().restored == ended.outcome_detail["volume"]
    assert len(disk.aws.states()["volumes"]) == 1
