"""A receiver of the stream that lags is said in the tenant's ledger, its people's inboxes and the metrics, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pytest_django import Settings

from accounts.domain.notices import NEWS
from medical_audit.models import Event
from medical_audit.operations.sealer import SEALER
from medical_audit.operations.stream_watch import watch_streams
from medical_audit.queries import seals
from medical_audit.queries.streams import late_streams
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import _as_role
from tests.factories import make_tenant
from tests.medical_audit.receivers import Authority, Receiver
from tests.medical_audit.sealers import SealingRoom
from tests.medical_audit.test_streams import certificate, ours, room, run

__all__ = ["certificate", "ours", "room"]


def test_a_receiver_that_lags_is_told_once_and_once_when_it_has_caught_up(
    room: SealingRoom, ours: Authority, certificate: tuple[Path, Path], settings: Settings
) -> None:
    tenant_id = make_tenant().id
    with Receiver(certificate).listening() as receiver:
        settings.TOBAN_STREAMS = (replace(receiver.to(ours.file), tenants=frozenset({tenant_id})),)
        with _as_role("audit"):
            now = seals.database_clock()
            assert watch_streams(actor=SEALER, now=now) == 0, "a moment is no lag"
            late = now + timedelta(minutes=11)
            assert (watch_streams(actor=SEALER, now=late), watch_streams(actor=SEALER, now=late)) == (1, 0)
        with _as_role("web"), platform_scope():
            assert late_streams() == {settings.TOBAN_STREAMS[0].name: 1}
        run(settings.TOBAN_STREAMS[0])
        with _as_role("audit"):
            assert watch_streams(actor=SEALER, now=late) == 1
        with _as_role("web"), platform_scope():
            assert late_streams() == {settings.TOBAN_STREAMS[0].name: 0}
    with tenant_scope(tenant_id):
        kinds = (
            Event.objects.filter(kind__startswith="ledger.stream")
            .order_by("ord")
            .values_list("kind", flat=True)
        )
        assert list(kinds) == ["ledger.stream_late", "ledger.stream_caught_up"]
    assert "ledger.stream_late" in NEWS
