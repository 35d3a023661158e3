"""A webhook is opened for kinds of events that are sent, and for no others."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.conf import settings

from accounts.domain.channels import silent_patterns
from accounts.forms import ChannelForm
from medical_audit.domain.errors import Refused
from medical_audit.domain.event_kinds import event_kinds
from tests.accounts.channels import opened
from tests.accounts.receiver import Receiver, receiving
from tests.factories import Cast


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def test_a_webhook_that_would_be_silent_for_ever_is_not_opened(cast: Cast, receiver: Receiver) -> None:
    for wanted, near in (
        ("operation.fail", "operation.failed"),
        ("opration.*", "operation.*"),
        ("session.failed", ""),
    ):
        with pytest.raises(Refused) as refused:
            opened(cast, receiver.url, ["operation.failed", wanted])
        assert (refused.value.code, refused.value.params["name"]) == ("no_such_event", wanted)
        assert near in str(refused.value.params["near"])
        given = {
            "kind": "webhook",
            "name": "監視",
            "url": "https://203.0.113.9/",
            "patterns": wanted,
            "language": "ja",
            "reason": "連携",
        }
        form = ChannelForm(given)
        assert not form.is_valid()
        assert wanted in str(form.errors["patterns"])


def test_what_the_form_suggests_occurs() -> None:
    fields = (settings.BASE_DIR / "templates/accounts/_channel_fields.html").read_text()
    suggested = re.search(r'placeholder="([^"]*\*[^"]*)"', fields)
    assert suggested is not None
    assert not silent_patterns(suggested[1].split(), event_kinds())
    assert "member.granted" not in suggested[1].split()  # at a founding only
