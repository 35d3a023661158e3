"""Being told: what stands in a person's inbox, what is unread, and the mails, whatever the mail server does."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core import mail as outbox
from django.core.mail import EmailMessage

from accounts import mail, tasks
from accounts.domain.mailboxes import is_mailbox
from accounts.domain.notices import NEWS, Topic, news_kinds, topics_of
from accounts.domain.permissions import Role
from accounts.domain.terms import Terms, faults
from accounts.models import NoticeChoice, NoticeDelivery
from accounts.operations import notices
from accounts.operations.own_chats import choose_chat
from accounts.queries.notices import WAITING_SHOWN, choice_of, head_seq, list_news, unread_count, waiting_for
from config.words.events import EVENTS
from medical_audit import clock
from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.errors import Refused, StaleContent
from medical_audit.operations.ledger import record
from medical_audit.queries.paging import Cursors
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.accounts.channels import follow, log_of
from tests.conftest import AsRole
from tests.factories import Cast, make_cast, revoke
from tests.stage import Stage, make_stage

ALL = [str(one) for one in Topic]
#: A room of a chat to which nothing is sent here.
UNSENT = "https://hooks.slack.com"


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


@pytest.fixture
def posting(settings: LazySettings) -> None:
    """An installation with a mail server; its mails are collected."""
    settings.TOBAN_MAIL_URL, settings.TOBAN_URL = "memorymail://", "https://toban.example.jp"
    settings.DEFAULT_FROM_EMAIL = "toban@example.jp"


def happened(cast: Cast, kind: str, name: str = "ehr-web-01", **detail: object) -> None:
    with tenant_scope(cast.tenant.id):
        record(
            kind, actor=system_actor(cast.tenant.id, "worker"), subject=Subject("resource", "r-1", name),
            now=clock.now(), outcome="failed", detail={"kind": "ec2.start", **detail},
        )  # fmt: skip


def unread(actor: Actor) -> int:
    with tenant_scope(actor.tenant_id):
        return unread_count(actor, clock.now())


def topics_shown(actor: Actor) -> list[str]:
    with tenant_scope(actor.tenant_id):
        page = list_news(choice_of(actor), Cursors(), actor=actor, now=clock.now())
        return [str(one.topic) for one in page.rows]


def choose(actor: Actor, inbox: list[str], mail: list[str], address: str = "unyo@example.jp") -> NoticeChoice:
    return notices.choose(
        inbox=inbox, mail=mail, address=address, language="ja", actor=actor, now=clock.now()
    )


def head(cast: Cast) -> int:
    with tenant_scope(cast.tenant.id):
        return head_seq()


def send(cast: Cast, as_role: AsRole) -> int:
    """Run the task; how many mails of this tenant went out."""
    before = len(letters(cast))
    with as_role("worker"):
        tasks.send_digests()
    return len(letters(cast)) - before


def letters(cast: Cast) -> list[EmailMessage]:
    """The mails about this tenant so far."""
    return [one for one in getattr(outbox, "outbox", []) if cast.tenant.name in one.subject]


def deliveries(cast: Cast) -> list[tuple[str, int, str]]:
    with tenant_scope(cast.tenant.id):
        rows = NoticeDelivery.objects.order_by("begun_at", "id")
        return [(row.state, row.items, row.address) for row in rows]


def later(cast: Cast, **span: float) -> None:
    """As if so much time had passed since the last mail."""
    with tenant_scope(cast.tenant.id):
        for row in NoticeChoice.objects.exclude(mail_after__isnull=True):
            row.mail_after -= timedelta(**span)
            row.save(update_fields=["mail_after"])


# -- the inbox ----------------------------------------------------------------------------------------------------------


def test_failed_missed_and_drift_are_news_to_everybody_until_read(cast: Cast) -> None:
    viewer, operator = cast.actor(Role.VIEWER), cast.actor(Role.OPERATOR)
    for kind in ("operation.failed", "operation.missed", "resource.drifted", "operation.succeeded"):
        happened(cast, kind, cause="by_hand")
    assert topics_shown(viewer) == ["drift", "missed", "failed"]
    assert (unread(viewer), unread(operator)) == (3, 3)
    read_to = head(cast)
    happened(cast, "operation.failed")
    notices.mark_read(read_to, actor=viewer, now=clock.now())
    assert (unread(viewer), unread(operator)) == (1, 4), "what came after the page was shown stays unread"
    notices.mark_read(1, actor=viewer, now=clock.now())
    assert unread(viewer) == 1, "nothing becomes unread again"
    notices.mark_read(10**15, actor=viewer, now=clock.now())
    happened(cast, "operation.failed")
    assert unread(viewer) == 1, "nobody reads what has not happened yet"


def test_what_waits_for_a_person_is_told_to_those_who_may_confirm_it_and_no_longer_than_it_waits(
    stage: Stage,
) -> None:
    cast = stage.cast
    operation = stage.entered(role=Role.OPERATOR)
    assert {role: unread(cast.actor(role)) for role in Role} == {
        Role.VIEWER: 0, Role.OPERATOR: 0, Role.APPROVER: 1, Role.ADMINISTRATOR: 1, Role.AUDITOR: 0,
    }  # fmt: skip
    approver = cast.actor(Role.APPROVER)
    notices.mark_read(head(cast), actor=approver, now=clock.now())
    with tenant_scope(cast.tenant.id):
        [waiting], total = waiting_for(approver, ALL, choice_of(approver).seen_seq, now=clock.now())
    assert (waiting.operation.id, waiting.topic, waiting.unread, total) == (
        operation.id, Topic.WAITING, False, 1,
    )  # fmt: skip
    with tenant_scope(cast.tenant.id):
        assert waiting_for(approver, [str(Topic.BRAKE)], 0, now=clock.now()) == ([], 0)


def test_each_person_picks_what_he_is_told_of(cast: Cast) -> None:
    viewer = cast.actor(Role.VIEWER)
    happened(cast, "operation.failed")
    happened(cast, "operation.missed")
    choose(viewer, ["missed", "nonsense"], [], "")
    assert topics_shown(viewer) == ["missed"]
    assert unread(viewer) == 1
    assert unread(cast.actor(Role.OPERATOR)) == 2
    with tenant_scope(cast.tenant.id):
        assert choice_of(viewer).inbox == ["missed"]


def test_a_program_that_chooses_the_inbox_undoes_nothing_that_was_chosen_on_the_page_meanwhile(
    cast: Cast,
) -> None:
    actor = cast.actor(Role.OPERATOR)
    stale = notices.choose_inbox(["failed"], "ja", actor=actor, now=clock.now(), seen=lambda row: None)
    choose(actor, ["failed"], ["missed"], "new@example.jp")
    read: list[NoticeChoice] = []
    kept = notices.choose_inbox(["drift"], "en", actor=actor, now=clock.now(), seen=read.append)
    assert (kept.inbox, kept.language, kept.mail, kept.address) == (
        ["drift"],
        "en",
        ["missed"],
        "new@example.jp",
    )
    assert read[0].changed_at > stale.changed_at, "what is compared is what stands, while it is held"

    def refuse(row: NoticeChoice) -> None:
        raise StaleContent

    with pytest.raises(StaleContent):
        notices.choose_inbox(["brake"], "ja", actor=actor, now=clock.now(), seen=refuse)
    with tenant_scope(cast.tenant.id):
        assert choice_of(actor).inbox == ["drift"]


def test_every_topic_is_a_word_and_every_news_an_event(cast: Cast) -> None:
    assert set(NEWS) <= set(EVENTS)
    assert topics_of(["drift", "x", "failed", "failed"]) == ["failed", "drift"]
    assert news_kinds(["waiting", "brake"]) == []
    assert news_kinds(ALL) == sorted(NEWS)


# -- mails --------------------------------------------------------------------------------------------------------------


def test_one_mail_holds_everything_new_and_nothing_is_mailed_twice(
    cast: Cast, as_role: AsRole, posting: None
) -> None:
    happened(cast, "operation.failed", "old news")
    choose(cast.actor(Role.OPERATOR), ALL, ["failed", "missed"])
    assert send(cast, as_role) == 0, "what happened before somebody chose is no news"
    for name in ("ehr-web-01", "ehr-web-02"):
        happened(cast, "operation.failed", name)
    happened(cast, "resource.drifted", "not chosen", cause="by_hand")
    assert send(cast, as_role) == 1
    [letter] = letters(cast)
    assert letter.to == ["unyo@example.jp"]
    assert letter.from_email == "toban@example.jp"
    assert f"{cast.tenant.name}" in letter.subject
    assert "\n" not in letter.subject
    for part in ("ehr-web-01", "ehr-web-02", f"https://toban.example.jp/t/{cast.tenant.slug}/inbox/"):
        assert part in letter.body
    for absent in ("old news", "not chosen", "&#"):
        assert absent not in letter.body
    assert deliveries(cast) == [("sent", 2, "unyo@example.jp")]
    later(cast, hours=1)
    assert send(cast, as_role) == 0
    happened(cast, "operation.missed", "ehr-web-03")
    assert send(cast, as_role) == 1
    assert "ehr-web-03" in letters(cast)[1].body
    assert "ehr-web-01" not in letters(cast)[1].body


def test_what_happens_soon_after_a_mail_waits_for_the_next_one(
    cast: Cast, as_role: AsRole, posting: None
) -> None:
    choose(cast.actor(Role.OPERATOR), ALL, ["failed"])
    for expected in (1, 0, 0):
        happened(cast, "operation.failed")
        assert send(cast, as_role) == expected
    later(cast, minutes=6)
    assert send(cast, as_role) == 1
    assert [items for _state, items, _to in deliveries(cast)] == [1, 2]


def test_many_notices_are_one_mail_that_says_how_many_more_there_are(
    cast: Cast, as_role: AsRole, posting: None
) -> None:
    choose(cast.actor(Role.OPERATOR), ALL, ["failed"])
    for number in range(23):
        happened(cast, "operation.failed", f"server-{number:02d}")
    assert send(cast, as_role) == 1
    body = letters(cast)[0].body
    assert body.count("server-") == 20
    assert "ほか3件" in body


def test_a_mail_server_that_is_down_is_recorded_and_what_it_did_not_take_comes_later(
    cast: Cast, as_role: AsRole, posting: None, settings: LazySettings
) -> None:
    choose(cast.actor(Role.OPERATOR), ALL, ["failed"])
    happened(cast, "operation.failed", "ehr-web-01")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = nobody.getsockname()
        assert send(cast, as_role) == 0
    assert deliveries(cast) == [("failed", 1, "unyo@example.jp")]
    with tenant_scope(cast.tenant.id):
        assert "ConnectionRefusedError" in NoticeDelivery.objects.get().problem
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send(cast, as_role) == 0, "it is not asked again at once"
    later(cast, minutes=11)
    assert send(cast, as_role) == 1
    assert "ehr-web-01" in letters(cast)[0].body


def test_what_is_urgent_waits_for_the_mail_that_is_being_sent_and_for_a_mailbox_that_refused(
    cast: Cast, as_role: AsRole
) -> None:
    choose(cast.actor(Role.OPERATOR), ALL, ["emergency"])
    happened(cast, "emergency.opened")
    now, minute = clock.now(), timedelta(minutes=1)
    with as_role("worker"):
        [claimed] = notices.prepare(cast.tenant.id, now=now)
        assert notices.prepare(cast.tenant.id, now=now + minute) == [], "it is being sent"
        notices.settle(claimed, "SMTPServerDisconnected", now=now + minute)
        assert notices.prepare(cast.tenant.id, now=now + 2 * minute) == [], "it was refused a minute ago"
        assert len(notices.prepare(cast.tenant.id, now=now + 11 * minute)) == 1


def test_a_worker_that_died_while_sending_sends_again_and_says_that_it_does_not_know(
    cast: Cast, as_role: AsRole, posting: None
) -> None:
    choose(cast.actor(Role.OPERATOR), ALL, ["failed"])
    happened(cast, "operation.failed")
    with as_role("worker"):
        [claimed] = notices.prepare(cast.tenant.id, now=clock.now())
        assert notices.prepare(cast.tenant.id, now=clock.now()) == [], "a second run has nothing to claim"
    later(cast, minutes=11)
    assert send(cast, as_role) == 1
    assert [state for state, *_ in deliveries(cast)] == ["unknown", "sent"]
    with as_role("worker"):
        notices.settle(claimed, "", now=clock.now())
    assert [state for state, *_ in deliveries(cast)] == ["unknown", "sent"], "the late answer changes nothing"


def test_nobody_who_left_the_tenant_gets_its_mails(cast: Cast, as_role: AsRole, posting: None) -> None:
    choose(cast.actor(Role.OPERATOR), ALL, ["failed"])
    revoke(cast.tenant.id, cast.people[Role.OPERATOR])
    happened(cast, "operation.failed")
    assert send(cast, as_role) == 0
    assert deliveries(cast) == []


def test_what_waits_is_mailed_to_who_may_confirm_it(stage: Stage, as_role: AsRole, posting: None) -> None:
    choose(stage.cast.actor(Role.APPROVER), ALL, ["waiting"], "kakutei@example.jp")
    choose(stage.cast.actor(Role.VIEWER), ALL, ["waiting"], "etsuran@example.jp")
    operation = stage.entered(role=Role.OPERATOR)
    assert send(stage.cast, as_role) == 1
    [letter] = letters(stage.cast)
    assert letter.to == ["kakutei@example.jp"]
    assert f"/operations/{operation.id}/" in letter.body


def test_without_a_mail_server_nothing_is_prepared(cast: Cast, as_role: AsRole) -> None:
    choose(cast.actor(Role.OPERATOR), ALL, ["failed"])
    happened(cast, "operation.failed")
    assert send(cast, as_role) == 0
    assert deliveries(cast) == []
    with platform_scope():
        assert clock.now()


#: The vertical tab breaks the line of the header; with the colon the mail cannot be written at all.
BREAKING = ('"\x0ba:b"@evil.jp', '"\x0bab"@evil.jp', '"a b"@evil.jp')


@pytest.mark.parametrize("address", BREAKING)
def test_an_address_that_no_mail_can_be_written_to_is_not_taken(cast: Cast, address: str) -> None:
    with pytest.raises(Refused, match="bad_mail"):
        choose(cast.actor(Role.OPERATOR), ALL, ["failed"], address)
    page = make_stage(cast).client(Role.OPERATOR)
    sent = {"inbox": ALL, "mail": ["failed"], "address": address}
    assert page.post(f"/t/{cast.tenant.slug}/inbox/settings/", sent).status_code == 422
    assert not is_mailbox(address)
    assert faults(Terms(email=address), frozenset(), clock.now().date()) == ["bad_mail"]


def test_one_persons_address_stops_the_mails_of_nobody_else(
    cast: Cast, as_role: AsRole, posting: None, settings: LazySettings
) -> None:
    """Addresses that were taken before they were looked at so closely; two tenants, whichever is served first."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    casts = [cast, make_cast()]
    for one in casts:
        for role, address in (
            (Role.OPERATOR, BREAKING[0]),
            (Role.VIEWER, BREAKING[1]),
            (Role.APPROVER, "kakutei@example.jp"),
        ):
            choose(one.actor(role), ALL, ["failed"])
            with tenant_scope(one.tenant.id):
                NoticeChoice.objects.filter(person_id=one.actor(role).id).update(address=address)
        happened(one, "operation.failed")
    with as_role("worker"):
        tasks.send_digests()
    for one in casts:
        assert sorted((state, address) for state, _items, address in deliveries(one)) == [
            ("failed", BREAKING[0]), ("failed", BREAKING[1]), ("sent", "kakutei@example.jp"),
        ]  # fmt: skip


def test_a_letter_that_breaks_the_mail_program_is_its_own_trouble(settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "toban@example.jp"
    words = list(
        mail.deliver([mail.Letter("a@example.jp", "\ud800", "x"), mail.Letter("b@example.jp", "b", "x")])
    )
    assert (words[0], words[1]) == ("UnicodeEncodeError", "")


def test_who_has_a_long_queue_is_told_of_what_is_new_by_every_way(
    stage: Stage, as_role: AsRole, posting: None
) -> None:
    """More than a page shows of others' old entries, which he has read, and one of his own, which he cannot confirm."""
    cast, approver = stage.cast, stage.cast.actor(Role.APPROVER)
    room = choose_chat("slack", ["waiting", "brake"], f"{UNSENT}/mine", "ja", actor=approver, now=clock.now())
    assert room is not None
    for role in [Role.APPROVER] + [Role.OPERATOR] * WAITING_SHOWN:
        stage.entered(role=role)
    read = head(cast)
    follow(cast)
    notices.mark_read(read, actor=approver, now=clock.now())
    choose(approver, ALL, ["brake", "waiting"], "kakutei@example.jp")
    assert unread(approver) == 0
    held = stage.entered(role=Role.OPERATOR)
    assert unread(approver) == 1
    assert send(cast, as_role) == 1
    assert f"/operations/{held.id}/" in letters(cast)[0].body
    assert follow(cast) == 1
    assert f"/operations/{held.id}/" in log_of(cast, room)[-1].body
    inbox = stage.client(Role.APPROVER).get(stage.url("inbox/"))
    assert f"/operations/{held.id}/" in inbox.content.decode()
    ids: list[str] = []
    after: str | None = ""
    while after is not None:
        given = {"limit": "30"} | ({"after": after} if after else {})
        page = stage.client(Role.APPROVER).get(stage.api("inbox/waiting/"), given).json()
        ids += [one["operation"]["id"] for one in page["results"]]
        after = page["next"]
    assert (len(ids), len(set(ids)), ids[-1]) == (WAITING_SHOWN + 1, WAITING_SHOWN + 1, str(held.id))
