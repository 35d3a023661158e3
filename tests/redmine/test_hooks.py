"""What GitHub sends: believed by its signature over the bytes as they came, kept, and worked off by somebody else."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.domain.permissions import Role
from medical_audit.domain.errors import Refused
from redmine_sync.domain.hooks import BODY_MAX, BadDelivery, is_signed, read_payload, read_push
from redmine_sync.models import RunState
from redmine_sync.operations import receiving, repository_keys
from redmine_sync.views.hooks import REFUSED_PER_MINUTE
from tests.conftest import _as_role
from tests.factories import past_every_guard
from tests.medical_audit.threads import race
from tests.redmine.yard import Yard, sign

COMMIT = "a" * 40


@pytest.fixture(autouse=True)
def _no_address_is_known(settings: Any) -> None:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns about a missing folder
    cache.clear()


@pytest.fixture
def served(yard: Yard) -> Yard:
    yard.register()
    yard.serve()
    return yard


def post(
    body: bytes, secret: str, *, path: str = "/githook", project: str = "portal-demo", **headers: str
) -> Any:
    given = {
        "X-Hub-Signature-256": sign(body, secret), "X-GitHub-Delivery": str(uuid.uuid4()), "X-GitHub-Event": "push",
    } | headers  # fmt: skip
    kind = given.pop("Content-Type", "application/json")
    return Client().post(f"{path}?project_id={project}", body, content_type=kind, headers=given)


# -- judging bytes ---------------------------------------------------------------------------------------------------------


def test_githubs_own_example_is_right() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed(b"Hello, World!", signature, ["It's a Secret to Everybody"])


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", "sha1=0123", "sha256=" + "0" * 64, "sha256=" + "A" * 64, "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"],
)  # fmt: skip
def test_anything_else_is_not(signature: str) -> None:
    assert not is_signed(b"Hello, World!", signature, ["It's a Secret to Everybody"])
    assert not is_signed(b"Hello, World!", signature, [])


def test_without_a_secret_nothing_is_signed_not_even_by_the_secret_that_is_compared_in_vain() -> None:
    from redmine_sync.domain.hooks import NOBODYS_SECRET  # noqa: PLC0415  only this test needs it

    # Whoever reads the source must not be able to sign.
    assert not is_signed(b"x", sign(b"x", NOBODYS_SECRET), [])


def test_form_and_json_say_the_same() -> None:
    said = {"ref": "refs/heads/main", "text": "修正 + & ="}
    form = urlencode({"payload": json.dumps(said)}).encode()
    assert read_payload(form, "application/x-www-form-urlencoded; charset=utf-8") == said
    assert read_payload(json.dumps(said).encode(), "application/json") == said


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{", "application/json"), (b"[]", "application/json"), (b"payload=%", "application/x-www-form-urlencoded"),
     (b"a=b", "application/x-www-form-urlencoded"), (b"{}", "text/plain"), (b"\xff", "application/json"), (b"[" * 100000, "application/json")],
)  # fmt: skip
def test_what_is_no_payload_is_said_to_be_none(body: bytes, kind: str) -> None:
    with pytest.raises(BadDelivery):
        read_payload(body, kind)


@pytest.mark.parametrize(
    "change",
    [
        {"ref": 1},
        {"ref": "main"},
        {"after": "--upload-pack=x"},
        {"before": None},
        {"ref": "refs/" + "x" * 400},
    ],
)
def test_a_push_names_a_ref_and_commits(change: dict[str, Any]) -> None:
    with pytest.raises(BadDelivery):
        read_push({"ref": "refs/heads/main", "before": "0" * 40, "after": COMMIT} | change)


# -- at the door -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/githook", "/github_hook"])
def test_a_signed_push_is_taken_and_nothing_is_fetched_in_the_request(served: Yard, path: str) -> None:
    answer = post(served.push_of(COMMIT), served.secret, path=path)
    assert answer.status_code == 202
    (delivery,) = served.deliveries()
    assert (delivery.ref, delivery.after, delivery.verdict) == ("refs/heads/main", COMMIT, "accepted")
    # The shop's clock goes ahead of the web server's, which is the real one.
    assert [one.state for one in served.runs()].count(RunState.WAITING) == 1


def test_a_form_is_signed_as_it_was_sent(served: Yard) -> None:
    body = urlencode({"payload": served.push_of(COMMIT).decode()}).encode()
    assert (
        post(body, served.secret, **{"Content-Type": "application/x-www-form-urlencoded"}).status_code == 202
    )


def test_an_unknown_project_and_a_bad_signature_get_the_same_answer(served: Yard) -> None:
    body = served.push_of(COMMIT)
    answers = [
        post(body, "wrong"), post(body, served.secret, project="no-such-project"), post(body, served.secret, project="--"),
        post(body, served.secret, **{"X-Hub-Signature-256": ""}), post(body, ""),
    ]  # fmt: skip
    seen = {
        (
            one.status_code,
            one.content,
            tuple(sorted((k, v) for k, v in one.headers.items() if k != "X-Request-Id")),
        )
        for one in answers
    }
    assert len(seen) == 1
    assert answers[0].status_code == 404
    assert served.deliveries() == []


def test_neither_asks_the_database_more_than_the_other(served: Yard, django_assert_num_queries: Any) -> None:
    """Who measures how long an answer takes learns nothing."""
    from django.db import connection  # noqa: PLC0415  only this test counts
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415  only this test counts

    counts = []
    for project in ("portal-demo", "no-such-project"):
        with CaptureQueriesContext(connection) as asked:
            post(served.push_of(COMMIT), "wrong", project=project)
        counts.append(len(asked))
    assert counts[0] - counts[1] == extra_candidates(served) * QUERIES_A_CANDIDATE


#: Binding a tenant, its secrets, and binding the one before again.
QUERIES_A_CANDIDATE = 5


def extra_candidates(yard: Yard) -> int:
    """Other tests' repositories of the same project are looked at as well; every one beyond the first costs its queries."""
    from redmine_sync.queries.repositories import hooked  # noqa: PLC0415  only this test counts

    return len(hooked("portal-demo")) - 1


def test_the_secret_says_whose_a_delivery_is(served: Yard) -> None:
    """The same identifier stands in many a Redmine; the repository of another tenant is not touched."""
    assert served.deliver(served.push_of(COMMIT), secret="that of another") == "unknown"
    assert served.deliver(served.push_of(COMMIT)) == "accepted"


def test_another_tenants_drafts_crowd_nobody_out(served: Yard) -> None:
    """Whoever may make a draft may name any project of his own Redmine."""
    for state in ("draft", "active"):
        past_every_guard(
            "INSERT INTO redmine_sync_repository SELECT new.* FROM redmine_sync_repository r, generate_series(1, 120) n,"
            " jsonb_populate_record(r, jsonb_build_object('id', '00000000-0000-4000-8000-' || lpad(n + %s || '', 12, '0'),"
            " 'tenant_id', %s::text, 'state', %s::text, 'name', 'crowd ' || %s || n, 'url', 'ssh://crowd/' || %s || n)) new"
            " WHERE r.id = %s",
            [1000 if state == "draft" else 2000, str(served.shop.cast.other_tenant.id), state, state, state, served.id],
        )  # fmt: skip
    verdict = served.deliver(served.push_of(COMMIT))
    past_every_guard("DELETE FROM redmine_sync_repository WHERE name LIKE %s", ["crowd %"])
    assert verdict == "accepted"


def test_two_secrets_hold_during_an_exchange_and_the_old_one_ends(served: Yard) -> None:
    old, actor = served.secret, served.shop.actor(Role.ADMINISTRATOR)
    assert served.id is not None
    new = repository_keys.exchange_hook_secret(served.id, actor=actor, now=served.shop.clock())
    assert {served.deliver(served.push_of(COMMIT), secret=one) for one in (old, new)} == {"accepted"}
    with pytest.raises(Refused, match="two_secrets"):
        repository_keys.exchange_hook_secret(served.id, actor=actor, now=served.shop.clock())
    served.shop.clock.pass_(days=7, seconds=1)
    assert served.deliver(served.push_of(COMMIT), secret=old) == "unknown"
    newest = repository_keys.exchange_hook_secret(served.id, actor=actor, now=served.shop.clock())
    repository_keys.end_old_hook_secret(served.id, actor=actor, now=served.shop.clock())
    assert [served.deliver(served.push_of(COMMIT), secret=one) for one in (old, new, newest)] == [
        "unknown", "unknown", "accepted",
    ]  # fmt: skip


def test_a_ping_is_answered_and_remembered(served: Yard) -> None:
    body = json.dumps({"zen": "x", "repository": {"full_name": "acme/portal"}}).encode()
    assert post(body, served.secret, **{"X-GitHub-Event": "ping"}).status_code == 200
    assert served.row().hook_pinged_at is not None


def test_a_draft_answers_a_ping_and_takes_no_push(yard: Yard) -> None:
    yard.draft()
    body = json.dumps({"repository": {"full_name": "acme/portal"}}).encode()
    assert yard.deliver(body, event="ping") == "pong"
    assert yard.deliver(yard.push_of(COMMIT)) == "ignored"
    assert yard.runs() == []


@pytest.mark.parametrize(
    ("event", "ref"), [("issues", "refs/heads/main"), ("push", "refs/tags/v1"), ("star", "")]
)
def test_what_changes_no_branch_is_not_needed(served: Yard, event: str, ref: str) -> None:
    answer = post(served.push_of(COMMIT, ref=ref), served.secret, **{"X-GitHub-Event": event})
    assert (answer.status_code, answer.content) == (204, b"")
    assert [one.verdict for one in served.deliveries()] == ["ignored"]


def test_another_repository_is_refused_and_recorded(served: Yard) -> None:
    assert post(served.push_of(COMMIT, name="acme/other"), served.secret).status_code == 422
    (event,) = served.shop.events("repository.foreign_delivery")
    assert event["detail"]["other"] == "acme/other"
    assert len(served.runs()) == 1


def test_github_writes_the_name_as_people_wrote_it(served: Yard) -> None:
    assert served.deliver(served.push_of(COMMIT, name="Acme/Portal")) == "accepted"


# -- once more -------------------------------------------------------------------------------------------------------------


def test_the_same_delivery_twice_is_one_run(served: Yard) -> None:
    body, guid = served.push_of(COMMIT), str(uuid.uuid4())
    assert [served.deliver(body, guid=guid) for _ in range(2)] == ["accepted", "duplicate"]
    served.serve()
    assert served.deliver(body, guid=guid) == "duplicate"
    assert len(served.runs()) == 2  # the first fetch, and this one
    assert [one.times for one in served.deliveries()] == [3]


def test_a_redelivery_of_what_failed_is_tried_again(served: Yard) -> None:
    body, guid = served.push_of(served.origin.push("refs #1")), str(uuid.uuid4())
    served.deliver(body, guid=guid)
    served.fake.down = 503
    served.serve()
    assert served.runs()[-1].state == RunState.FAILED
    served.fake.down = 0
    served.shop.clock.pass_(seconds=1)
    assert served.deliver(body, guid=guid) == "accepted"
    served.serve()
    assert served.runs()[-1].state == RunState.DONE


def test_the_same_id_with_another_content_is_refused_and_recorded(served: Yard) -> None:
    guid = str(uuid.uuid4())
    served.deliver(served.push_of(COMMIT), guid=guid)
    assert post(served.push_of("b" * 40), served.secret, **{"X-GitHub-Delivery": guid}).status_code == 409
    assert len(served.shop.events("repository.replayed")) == 1
    assert [one.after for one in served.deliveries()] == [COMMIT]


def test_many_pushes_wait_as_one_run(served: Yard) -> None:
    for number in range(5):
        assert served.deliver(served.push_of(f"{number:040x}")) == "accepted"
    assert [one.state for one in served.runs()].count(RunState.WAITING) == 1
    assert len({one.run_id for one in served.deliveries()}) == 1


# -- limits ----------------------------------------------------------------------------------------------------------------


def test_too_large_is_not_read(served: Yard) -> None:
    assert post(b"x" * (BODY_MAX + 1), served.secret).status_code == 413


def test_a_flood_from_a_signed_source_is_told_to_wait(served: Yard) -> None:
    for _ in range(receiving.PER_MINUTE):
        served.deliver(served.push_of(COMMIT))
    answer = post(served.push_of(COMMIT), served.secret)
    assert served.deliver(served.push_of(COMMIT)) == "too_many"
    served.shop.clock.pass_(minutes=2)
    assert served.deliver(served.push_of(COMMIT)) == "accepted"
    assert answer.status_code in (202, 429)  # the web server has a clock of its own


def test_an_address_whose_signatures_are_nobodys_is_not_listened_to_for_a_minute(served: Yard) -> None:
    for _ in range(REFUSED_PER_MINUTE):
        assert post(b"{}", "wrong").status_code == 404
    answer = post(served.push_of(COMMIT), served.secret)
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")


def test_a_signature_that_is_nobodys_shows_on_the_repository(served: Yard) -> None:
    with _as_role("worker"):
        receiving.note_refused("portal-demo", now=served.shop.clock())
        receiving.note_refused("no-such-project", now=served.shop.clock())
    assert served.row().hook_refused_at == served.shop.clock()


def test_who_asks_what_this_is_gets_a_line() -> None:
    answer = Client().get("/githook")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")


@pytest.mark.parametrize("letter", ["\u0000", "\ud800"])
@pytest.mark.parametrize("where", ["ref", "repository"])
def test_letters_that_no_database_takes_are_answered_like_anything_else(
    served: Yard, where: str, letter: str
) -> None:
    said = {
        "ref": "refs/heads/main",
        "before": "0" * 40,
        "after": COMMIT,
        "repository": {"full_name": served.row().name},
    }
    said |= {"ref": f"refs/heads/{letter}"} if where == "ref" else {"repository": {"full_name": letter}}
    answer = post(json.dumps(said).encode(), served.secret)
    assert answer.status_code == {"ref": 204, "repository": 422}[where]
    assert [one.verdict for one in served.deliveries()] == [
        {"ref": "ignored", "repository": "other_repository"}[where]
    ]


def test_the_same_delivery_many_times_at_once_is_one(served: Yard) -> None:
    body = served.push_of(COMMIT)
    found = race(6, lambda _: served.deliver(body, guid="once-and-only-once"))
    assert sorted(map(str, found)) == ["accepted", *["duplicate"] * 5]
    (kept,) = served.deliveries()
    assert kept.times == 6
