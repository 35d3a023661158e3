"""A tenant with at least one row in every tenant table: what the tests of the walls try to reach from outside."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from accounts.domain.permissions import Role
from accounts.models import (
    Admission,
    ApiToken,
    Channel,
    ChannelCursor,
    ChannelSecret,
    Dispatch,
    Invitation,
    MemberTerms,
    NoticeChoice,
    NoticeDelivery,
    Recertification,
    RecertificationItem,
    SignOnLink,
    SignOnProvider,
    User,
)
from infra.models import (
    AccountSetup,
    Assignment,
    Attachment,
    AwsAccount,
    Closure,
    CompanyDay,
    DatabaseSnapshot,
    Finding,
    HeldRound,
    HolidayList,
    MaintenanceWindow,
    NamedSchedule,
    Override,
    Price,
    Project,
    Resource,
    Revision,
    TaggingRule,
    TenantRules,
    Volume,
    VolumeSnapshot,
)
from medical_audit.models import (
    AccessReview,
    Anomaly,
    AnomalyRules,
    AnomalyWatch,
    Confirmation,
    ConfirmPolicy,
    Delegation,
    Deputy,
    Emergency,
    Erasure,
    Export,
    ExportPart,
    Lane,
    Retention,
    ReviewItem,
    SavedSearch,
    StoredAnswer,
    TenantPolicy,
    VerificationRun,
    Visit,
)
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import (
    Delivery,
    Entry,
    RedmineKey,
    RedmineServer,
    Repository,
    RepositorySecret,
    ServiceKey,
    SyncRun,
    Ticket,
    TicketRule,
)
from tests import simulated
from tests.conftest import _as_role
from tests.factories import MONDAY_0830, Cast, make_cast, make_feed
from tests.medical_audit.support import plant


@dataclass(frozen=True)
class Stock:
    """A tenant with at least one row in every tenant table."""

    cast: Cast
    tenant_id: uuid.UUID
    account: AwsAccount


def fill() -> Stock:
    """Make a tenant of its own and fill every table."""
    cast = make_cast()
    account = simulated.make_account(cast).row
    tenant = {"tenant_id": cast.tenant.id}
    here = {**tenant, "account": account, "region": simulated.TOKYO, "fingerprint": ""}
    here["first_seen_at"] = MONDAY_0830
    with _as_role("worker"), tenant_scope(cast.tenant.id):
        resource = Resource(
            **here, kind="ec2", aws_id="i-1", state="on", aws_state="on", state_since=MONDAY_0830
        )
        maintenance = MaintenanceWindow(
            **tenant, account=account, region=simulated.TOKYO, window_id="mw-1", name="patch", seen_at=MONDAY_0830,
        )  # fmt: skip
        volume = Volume(**here, volume_id="vol-1", state="in-use", size_gib=8, type="gp3")
        for row in (
            Lane(**tenant, name=f"{account.account_id}/{simulated.TOKYO}", account=account.account_id),
            resource,
            Finding(**tenant, resource=resource, code="bad_time", found_at=MONDAY_0830),
            volume,
            DatabaseSnapshot(
                **tenant,
                account=account,
                region=simulated.TOKYO,
                name="s-1",
                database="karte",
                kind="manual",
                state="available",
                seen_at=MONDAY_0830,
            ),
            Attachment(**tenant, volume=volume, instance_id="i-1", since=MONDAY_0830),
            VolumeSnapshot(
                **tenant,
                account=account,
                region=simulated.TOKYO,
                snapshot_id="snap-1",
                volume_id="vol-0",
                state="completed",
                seen_at=MONDAY_0830,
            ),
            maintenance,
            NoticeDelivery(**tenant, person_id="u", items=1, up_to_seq=1, begun_at=MONDAY_0830),
        ):
            row.save(force_insert=True)
    _fill_rules(tenant, resource)
    _fill_seats(tenant, cast.people[Role.OPERATOR])
    _fill_tickets(tenant)
    with _as_role("web"), tenant_scope(cast.tenant.id):
        NoticeChoice(**tenant, person_id="u", person_name="運用", changed_at=MONDAY_0830).save(
            force_insert=True
        )
        run = VerificationRun(**tenant, asked_by_id="u", asked_by_name="監査", asked_at=MONDAY_0830)
        run.save(force_insert=True)
        asked = {"asked_by_id": "u", "asked_by_name": "監査", "asked_at": MONDAY_0830}
        export = Export(**tenant, **asked, format="csv", tenant_name="病院", language="ja", purpose="点検")
        export.save(force_insert=True)
        kept = SavedSearch(**tenant, person_id="u", name="夜間", query="q=1", saved_at=MONDAY_0830)
        kept.save(force_insert=True)
    with _as_role("worker"), tenant_scope(cast.tenant.id):
        ExportPart(**tenant, export=export, number=0, data=b"x").save(force_insert=True)
    return Stock(cast, cast.tenant.id, account)


def _fill_rules(tenant: dict[str, Any], resource: Resource) -> None:
    """A row in every table of what people decide about schedules."""
    now = MONDAY_0830
    who = {"operation": "o", "confirmed_by_id": "u", "confirmed_by_name": "確定"}
    schedule = NamedSchedule(**tenant, name="office", created_at=now)
    revision = Revision(
        **tenant, schedule=schedule, number=1, content={}, digest="d", created_by_id="u", created_by_name="運用",
        created_at=now, updated_at=now,
    )  # fmt: skip
    override = Override(
        **tenant, **who, kind="override", scope="resource", resource=resource, wish="any", since=now,
        until=now + timedelta(hours=1), reason="test", entered_by_id="u", entered_by_name="運用", created_at=now,
    )  # fmt: skip
    price = Price(
        **tenant, kind="ec2", type="t3.micro", per_hour="0.01", currency="USD", source="list", as_of=now.date(),
        changed_by_name="管理", changed_at=now,
    )  # fmt: skip
    project = Project(
        **tenant,
        name="電子カルテ",
        owner="医療情報部",
        tag_key="Project",
        tag_values=["ehr"],
        operation="o",
        changed_at=now,
    )
    held = HeldRound(**tenant, held_at=now, items=[], running=1, limit_percent=50, operation="o")
    where = {"scope": "resource", "resource": resource}
    assignment = Assignment(**tenant, **who, **where, schedule=schedule, confirmed_at=now)
    calendar = (
        HolidayList(**tenant, source="upload", state="refused", received_at=now, received_by_name="管理"),
        CompanyDay(**tenant, day=now.date(), kind="closed", name="創立記念日", operation="o"),
        Closure(**tenant, first="12-29", last="01-03", name="年末年始", operation="o"),
    )
    tagging = TaggingRule(
        **tenant,
        **who,
        content={"keys": ["Name"], "overwrite": "never", "snapshots": False},
        confirmed_at=now,
    )
    for row in (
        project,
        schedule,
        revision,
        assignment,
        override,
        price,
        tagging,
        TenantRules(**tenant),
        *calendar,
    ):
        plant(row)
    with _as_role("web"), tenant_scope(tenant["tenant_id"]):
        make_feed(tenant["tenant_id"])
    with _as_role("scheduler"), tenant_scope(tenant["tenant_id"]):
        held.save(force_insert=True)


def _fill_seats(tenant: dict[str, Any], user: User) -> None:
    """Who sat where, who may confirm what and for whom, and an account on its way in."""
    now, person = MONDAY_0830, uuid.uuid4()
    principal = {"principal_id": "p", "principal_name": "確定"}
    review = AccessReview(
        **tenant,
        name="2026-10",
        interim=True,
        since=now,
        until=now,
        begun_at=now,
        begun_by_id="u",
        begun_by_name="監査",
    )
    channel = Channel(
        **tenant,
        kind="webhook",
        name="監視",
        url="https://hooks.example.jp",
        host="hooks.example.jp",
        wanted=["*"],
        made_at=now,
    )
    recertified = Recertification(**tenant, name="2026-Q4", begun_at=now, begun_by_name="管理", due_at=now)
    for row in (
        recertified,
        RecertificationItem(**tenant, recertification=recertified, user=user, role="operator", granted_at=now),
        Visit(**tenant, user_id=person, user_name="運用", session=uuid.uuid4().hex[:16], active_at=now, entered_at=now, idle_s=600),
        Retention(**tenant, years=5, operation="o", changed_at=now),
        Erasure(**tenant, operation=uuid.uuid4(), person="u", key_id="", count=0, at=now, txid=0, note="signed"),
        TenantPolicy(**tenant, idle_minutes=10, grace_seconds=0, escalate_hours=24, operation="o", changed_at=now),
        ConfirmPolicy(**tenant, kind="ec2.stop", policy="other", role="", operation="o", changed_at=now),
        Confirmation(
            **tenant, operation=uuid.uuid4(), person_id="p", person_name="確定", digest="d", reauthentication="password", at=now
        ),
        Anomaly(**tenant, rule="hasty", event_id=uuid.uuid4(), at=now, person_id="u", person_name="運用", found_at=now),
        AnomalyWatch(**tenant, looked_at=now),
        Emergency(
            **tenant, person_id="u", person_name="当直", reason="障害", asked_by_name="当直", opened_by_id="p",
            opened_by_name="確定", opened_at=now, closes_at=now + timedelta(hours=1), operation="o",
        ),
        review,
        ReviewItem(**tenant, review=review, event_id=uuid.uuid4(), why="people", actor_name="運用"),
        AnomalyRules(**tenant, operation="o", changed_at=now),
        Delegation(
            **tenant, **principal, proxy_id="u", proxy_name="運用", begins_at=now, ends_at=now + timedelta(days=1),
            evidence="辞令", operation="o",
        ),
        ApiToken(
            **tenant, user=user, name="CI", hashed=uuid.uuid4().hex, permissions=[], operation="o", made_at=now,
            expires_at=now + timedelta(days=1),
        ),
        channel,
        ChannelSecret(**tenant, channel=channel, sealed="s", fingerprint="f", live=True, made_at=now),
        ChannelCursor(**tenant, seq=1),
        Dispatch(
            **tenant, channel=channel, seq=1, event_id=uuid.uuid4(), event_kind="operation.failed", body="{}", next_at=now,
            created_at=now,
        ),
        Invitation(
            **tenant, user=user, hashed=uuid.uuid4().hex, operation="o", made_at=now, expires_at=now + timedelta(days=1)
        ),
        SignOnProvider(
            **tenant, name="病院ID", issuer="https://login.example.jp", client_id="toban", sealed="v1:x:x", claim="email",
            domains=["example.jp"], endpoints={"authorization": "a", "token": "t", "keys": "k", "end_session": ""},
            operation="o", changed_at=now,
        ),
        Admission(**tenant, user=user, house="h", company="保守会社", operation="o", asked_at=now),
        MemberTerms(**tenant, user=user, kind="vendor", company="保守会社", operation="o", changed_at=now),
        SignOnLink(**tenant, user=user, issuer="https://login.example.jp", subject=uuid.uuid4().hex, made_at=now, used_at=now),
        StoredAnswer(**tenant, caller="c", key="k" * 8, content="c", made_at=now, expires_at=now + timedelta(days=1)),
        Deputy(**tenant, **principal, deputy_id="d", deputy_name="代理", place=1, operation="o"),
        AccountSetup(
            **tenant, account_id=simulated.new_account_id(), name="本番", regions=[], features=[], role_arn="", read_role_arn="",
            external_id="e", started_by_id="u", started_by_name="管理", started_at=now,
        ),
    ):  # fmt: skip
        plant(row)


def _fill_tickets(tenant: dict[str, Any]) -> None:
    """A Redmine with its key and a rule, a ticket, and an entry that is to be written."""
    now = MONDAY_0830
    server = RedmineServer(**tenant, url="https://redmine.example.jp", drafted_by_name="管理", drafted_at=now)
    ticket = Ticket(
        **tenant, server=server, key=uuid.uuid4().hex, kind="failure", operation_kind="ec2.start", operation="o",
        target_type="resource", target_id="r", target_name="web", redmine_project=1, tracker=1, created_at=now,
    )  # fmt: skip
    repository = Repository(
        **tenant, server=server, name="acme/portal", url="ssh://git@github.com/acme/portal.git", redmine_project=1,
        redmine_identifier="p", drafted_by_name="管理", drafted_at=now,
    )  # fmt: skip
    for row in (
        server,
        repository,
        RepositorySecret(**tenant, repository=repository, use="hook", sealed="s", made_at=now),
        ServiceKey(**tenant, server=server, sealed="s"),
        SyncRun(**tenant, repository=repository, cause="poll", asked_at=now),
        Delivery(
            **tenant,
            repository=repository,
            guid="g",
            event="push",
            size=1,
            sha256="0",
            verdict="ignored",
            received_at=now,
            last_at=now,
        ),
        RedmineKey(**tenant, server=server, sealed="s"),
        TicketRule(**tenant, redmine_project=1, redmine_identifier="p", tracker=1, from_seq=1, operation="o"),
        ticket,
        Entry(
            **tenant, ticket=ticket, seq=1, event_id=uuid.uuid4(), verb="open", next_at=now, created_at=now
        ),
    ):
        plant(row)
