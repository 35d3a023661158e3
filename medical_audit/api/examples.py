"""Examples for the description of the API: made of each serializer, with values as they stand in a hospital's portal.

A text field is told by its name (`TEXTS`), everything else by what it is; so a new field of a known name has its example, and one of
a new name is missed by the test.
"""

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers
from rest_framework.fields import _UnvalidatedField

ID, OTHER_ID = "3f0b7d0e-2b6c-4d0a-9a57-0f3f8d1b6a11", "b7a4c1de-8f02-4f5e-9c33-1f6d2a7e5b90"
DIGEST: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
DAY, INSTANT, LATER = "2026-11-30", "2026-11-30T08:30:00+09:00", "2026-12-04T18:00:00+09:00"
#: Instants that lie behind others of the same body.
_LATER: Final = frozenset(
    {"until", "ends", "ends_at", "deadline", "expires_at", "closes_at", "due_at", "end"}
)
#: Stands where a text field of a new name has no example yet; a test finds it.
UNKNOWN: Final = "?"
NUMBERS: Final[Mapping[str, int]] = {
    "port": 3306, "size_gib": 100, "storage_gib": 100, "days": 30, "minutes": 60, "brake_percent": 30, "brake_least": 10,
    "open_status": 1, "closed_status": 5, "snooze_days": 7, "backup_days": 7, "approval_wait_min": 15, "tracker": 1,
    "redmine_project": 3, "up_to": 120431, "head": 120431, "years": 10, "person_months": 60,
}  # fmt: skip
TABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "filter": {"event": "operation.confirmed", "from": "2026-11-01"},
    "tags": {"Name": "karte-web", "AutoStart": "08:30"},
    "statement": {
        "Sid": "TobanAlsoEc2DescribeVolumes",
        "Effect": "Allow",
        "Action": ["ec2:DescribeVolumes"],
        "Resource": "*",
    },
    "counts": {"running": 12, "stopped": 3},
    "limits": {"day_begins": 7, "day_ends": 20},
}
_PERSON, _SECOND = "佐藤 花子", "鈴木 一郎"
#: By the name of a field, or of one serializer's field where that says something of its own.
TEXTS: Final[Mapping[str, str]] = {
    "account": "123456789012", "account_id": "123456789012", "account_ids": "123456789012", "done": "123456789012", "stack_name": "toban", "action": "start", "actor": _PERSON, "address": "203.0.113.7",
    "advice": "delete", "after": "Name=karte-web", "asked_by": _PERSON, "at": "", "automation_confirmed_by": _SECOND,
    "autostart": "08:30", "autostop": "19:00", "aws_id": "i-0123456789abcdef0", "aws_request_id": DIGEST[:36],
    "aws_state": "running", "before": "", "begun_by": _PERSON, "behind": "s3", "body": '{"kind":"operation.confirmed"}',
    "by": _PERSON, "ca": "rds-ca-rsa2048-g1", "cause": "rule_missing", "checks": "client", "choices": "two", "claim": "email",
    "classes": "db.t4g.medium", "clause": "14.1", "client_id": "toban", "clock": "ok", "closing": "", "code": "nothing_changed",
    "company": "保守会社", "confirmed_by": _SECOND, "content": "schedules: {}", "currency": "JPY", "cut": "names", "damage": "",
    "database": "karte", "db_class": "db.t4g.medium", "db_name": "karte", "decided_by": _SECOND, "decision": "keep",
    "denied": "denied_service_control", "deploy_key": "ssh-ed25519 AAAA…", "deputies": ID, "deputy_reason": "", "description": "app server", "detail": "",
    "device": "/dev/xvda", "digest": DIGEST, "diverged": "", "domains": "sakuragawa.example.jp", "drafted_by": _PERSON,
    "drift": "", "email": "hanako@sakuragawa.example.jp", "end": "", "ended_by": "", "engine": "mysql",
    "engine_version": "8.0.40", "entered": "", "entered_by": _PERSON, "event": "push", "event_kind": "operation.failed",
    "evidence": "申請書 2026-118", "extra": "", "factors": "pwd", "feature": "servers", "features": "servers", "findings": "", "first": DAY,
    "format": "csv", "group": "sg-0123456789abcdef0", "groups": "sg-0123456789abcdef0", "guid": ID, "guideline": "mhlw",
    "hands_off": "", "hash": DIGEST, "hold": "", "holder": "", "hook_url": "", "host": "hooks.example.jp", "id": ID,
    "inbox": "failed", "instance": "i-0123456789abcdef0", "instance_name": "karte-web", "issuer": "https://id.example.jp",
    "judged_by": _SECOND, "key": "0123456789abcdef0123456789abcdef01234567", "keys": "Name", "kind": "ec2.start",
    "kinds": "ec2.start", "lane": "123456789012/ap-northeast-1", "language": "ja", "last": DAY,
    "link": f"https://toban.example.jp/invitation/{'0' * 32}_…/", "local_people": ID, "machine": "worker-1", "mail": "failed",
    "measures": "", "message": "ERROR 2003 (HY000): Can't connect to MySQL server", "method": "password", "mode": "offered",
    "name": "karte-web", "names": "karte-web", "networks": "203.0.113.0/24", "next_deploy_key": "", "no_room": "", "note": "",
    "observing": "本番 (123456789012)", "only_names": "検証 (234567890123)", "on_behalf_of": "", "operation": ID, "option_group": "default:mysql-8-0",
    "option_groups": "default:mysql-8-0", "outcome": "", "owner": "医療情報部", "parallel_with": "",
    "parameter_group": "default.mysql8.0", "parameter_groups": "default.mysql8.0", "password": "your own password",
    "permission": "power.enter", "permissions": "resource.view", "person": ID, "phase": "", "place": f"{ID}|mysql/8.0.40",
    "policy": "other", "policy_role": "", "problem": "", "project": "電子カルテ", "proxy": OTHER_ID, "published_by": _SECOND,
    "purpose": "月次点検のため", "reason": "変更申請 2026-118 による", "received_by": _PERSON, "redmine_identifier": "karte", "refusal": "",
    "region": "ap-northeast-1", "regions": "ap-northeast-1", "request_id": DIGEST[:32], "restored": "", "review_operation": "",
    "reviewed_by": "", "role": "operator", "roles": "operator", "round": "2026-Q4", "report": "", "rows": "", "rule": "many_changes", "says": "夜間保守のため",
    "schedule": "外来 平日", "scope": "project", "seal": "sealed", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "seen": DIGEST, "served": "karte-web", "served_device": "/dev/xvdf", "served_instance": "i-0123456789abcdef0",
    "served_name": "karte-web", "service_key": "abcdef0123456789", "session": DIGEST[:32], "sha256": DIGEST, "signed_by": "",
    "skipped": "vol-0123456789abcdef0", "slug": "sakuragawa", "snapshot": "snap-0123456789abcdef0",
    "snapshot_id": "snap-0123456789abcdef0", "snapshot_refusal": "", "snooze_reason": "", "source": "AWS",
    "standing": "drawn", "started_by": _PERSON, "state": "ENTERED", "status": "新規", "step": "rule", "subnet_group": "private",
    "suggestion": "08:30", "tag": "AutoStart", "tag_key": "Application", "tag_values": "ehr-*", "tenant": ID,
    "text": "", "time_source": "ntp.nict.jp", "time_zone": "Asia/Tokyo",
    "title": "Nothing would change.", "token": "form-3f0b7d0e2b6c4d0a", "told_once": "", "topic": "failed", "type": "t3.small", "unit": "hour",
    "url": "https://hooks.example.jp/toban", "used_from": "203.0.113.7", "user": "admin", "username": "hanako",
    "copies": "8.0.40", "quota": "L-7ADDB58A", "untagged": "退避 (345678901234)", "value": "8h30", "verb": "create", "verdict": "intact", "version": "8.0.40", "volume_id": "vol-0123456789abcdef0",
    "volumes": "vol-0123456789abcdef0", "vpc": "vpc-0123456789abcdef0", "wanted": "operation.failed", "warnings": "ca_ends",
    "what": "invite", "why": "", "wish": "running",
    "ActorOut.id": ID, "ActorOut.name": _PERSON, "ActorOut.type": "user", "CalendarChangeIn.first": "2026-12-28",
    "CalendarChangeIn.last": "", "CalendarChangeIn.name": "年末休業", "ClockReadingOut.state": "ok", "CreateIn.aws_id": "karte",
    "DraftIn.url": "https://redmine.example.jp", "EmergencyIn.person": "", "EnterIn.kind": "ec2.start", "FeedOut.source": "cabinet",
    "InviteIn.name": _PERSON, "JudgeIn.note": "", "ListIn.text": "国民の祝日・休日月日,国民の祝日・休日名称\n2026/11/3,文化の日\n",
    "RanOut.name": "tests/audits/test_reviews.py::test_the_signer_neither_judged_nor_acted", "RanOut.outcome": "passed", "RanOut.revision": "66714f0a1b",
    "TenantMemberOut.name": _PERSON, "PersonOut.name": _PERSON, "ReachIn.source": "10.1.2.3/32", "RepositoryIn.name": "karte",
    "RepositoryIn.url": "git@github.com:sakuragawa/karte.git", "RestoreIn.aws_id": "karte-restored",
    "RosterIn.text": "ユーザー名,氏名\nhanako,佐藤 花子\n", "SnapshotIn.name": "toban-karte-before-upgrade",
    "TargetOut.name": "karte-web", "TargetOut.type": "resource", "TargetOut.id": ID, "WayOut.source": "10.1.2.3/32",
    "WayOut.rule": "sgr-0123456789abcdef0", "WishOut.aws_id": "karte",
    "AdmissionOut.user": OTHER_ID, "AccountOut.name": "本番", "AccountOut.state": "ok", "AssignIn.key": ID, "ChannelChangeIn.name": "監視基盤",
    "ChannelIn.name": "監視基盤", "ChannelOut.kind": "webhook", "ChannelOut.name": "監視基盤", "ChannelOut.state": "active",
    "ChosenIn.first": "", "ChosenIn.last": "", "ChosenIn.name": _PERSON, "DeclaredOut.name": "電子カルテ",
    "DifferenceOut.name": _PERSON, "EventOut.kind": "operation.confirmed", "ExportOut.state": "ready",
    "FeedIn.url": "https://www8.cao.go.jp/chosei/shukujitsu/syukujitsu.csv", "IssueIn.name": "監視連携",
    "NewsOut.kind": "operation.failed", "OwnEventOut.kind": "operation.confirmed", "PersonCountOut.name": _PERSON,
    "ProjectIn.name": "電子カルテ", "ProjectOut.name": "電子カルテ", "ProviderIn.name": "院内アカウント",
    "ProviderIn.secret": "…", "ProviderOut.name": "院内アカウント", "ResourceOut.kind": "ec2", "ResourceOut.state": "running",
    "ResourceRowOut.kind": "ec2", "ResourceRowOut.state": "running", "ScheduleOut.name": "外来 平日",
    "SearchIn.name": "今月の確定", "SearchOut.name": "今月の確定", "SetupOut.name": "本番", "SignOffIn.findings": "異常なし",
    "TenantOut.name": "桜川病院", "TokenOut.name": "監視連携", "VolumeOut.state": "in-use",
}  # fmt: skip


def example_of(given: Any) -> Any:
    """An example of what this serializer takes or gives; UNKNOWN stands for a text that TEXTS does not know."""
    serializer = given() if isinstance(given, type) else given
    if isinstance(serializer, serializers.ListSerializer):
        return [example_of(serializer.child)]
    assert isinstance(serializer, serializers.Serializer)
    return {name: _value(name, field, serializer) for name, field in serializer.fields.items()}


def _value(name: str, field: Any, parent: Any) -> Any:
    if isinstance(field, serializers.SerializerMethodField):
        annotated = getattr(getattr(parent, f"get_{name}"), "_spectacular_annotation", {})
        return _annotated(name, annotated.get("field", str), parent)
    if isinstance(field, serializers.BaseSerializer):
        return example_of(field)
    if isinstance(field, serializers.ListField):
        # A list of anything has no example of its own.
        return [] if isinstance(field.child, _UnvalidatedField) else [_value(name, field.child, parent)]
    if isinstance(field, serializers.DictField):
        return dict(TABLES.get(name, {}))
    return _plain(name, field, parent)


def _annotated(name: str, told: Any, parent: Any) -> Any:
    """The value of a field that a method answers, by what that says of itself."""
    if isinstance(told, serializers.BaseSerializer) or (
        isinstance(told, type) and issubclass(told, serializers.BaseSerializer)
    ):
        return example_of(told)
    if isinstance(told, type) and not issubclass(told, serializers.Field):
        return (
            {bool: True, int: NUMBERS.get(name, 2)}.get(told) if told in (bool, int) else _text(name, parent)
        )
    return _value(name, told() if isinstance(told, type) else told, parent)


def _plain(name: str, field: Any, parent: Any) -> Any:
    found: Any
    match field:
        case serializers.UUIDField():
            found = ID
        case serializers.DateTimeField():
            found = LATER if name in _LATER else INSTANT
        case serializers.DateField():
            found = DAY
        case serializers.BooleanField():
            found = True
        case serializers.DecimalField():
            found = "12.800000"
        case serializers.IntegerField():
            found = max(NUMBERS.get(name, 2), field.min_value or 0)
        case serializers.JSONField():
            found = {}
        case serializers.ChoiceField():
            found = next(iter(field.choices))
        case _:
            found = _text(name, parent)
    return found


def _text(name: str, parent: Any) -> str:
    own = f"{type(parent).__name__}.{name}"
    return TEXTS.get(own, TEXTS.get(name, UNKNOWN))
