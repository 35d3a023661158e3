"""More of what pages do, over the API: people and their rights, tagging, volumes, ways to a database, the record one by one."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from accounts.domain.permissions import Role
from infra.api.makings import TroubleOut
from infra.domain.makings import STORAGE_QUOTA, Trouble
from infra.models import Attachment
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.api.test_v1 import problem, send
from tests.conftest import _as_role
from tests.factories import PASSWORD
from tests.stage import Stage, signed_in


def put(client: Any, url: str, body: object, **headers: str) -> Any:
    return client.put(url, json.dumps(body), content_type="application/json", headers=headers)


def confirmed(stage: Stage, entered: Any, role: Role = Role.APPROVER) -> None:
    one = entered.json().get("operation", entered.json())
    body = {"digest": one["digest"], "password": PASSWORD}
    answer = send(stage.client(role), stage.api(f"operations/{one['id']}/confirm/"), body)
    assert answer.json()["state"] in ("CONFIRMED", "SUCCEEDED"), answer.json()


def test_somebody_is_invited_given_a_role_and_terms_and_his_account_closed(stage: Stage) -> None:
    client = stage.client(Role.ADMINISTRATOR)
    who = {"username": "hanako", "name": "佐藤 花子", "role": "viewer", "reason": "異動"}
    assert send(stage.client(Role.OPERATOR), stage.api("members/"), who).status_code == 403
    invited = send(client, stage.api("members/"), who)
    assert invited.status_code == 201
    confirmed(stage, invited)
    (row,) = [
        one for one in client.get(stage.api("members/")).json()["results"] if one["username"] == "hanako"
    ]
    url = stage.api(f"members/{row['id']}/")
    assert (row["roles"], row["invited"], row["terms_kind"]) == (["viewer"], True, "staff")
    tag = client.get(url)["ETag"]
    days = {"first": f"{clock.now():%Y-%m-%d}", "last": f"{clock.now() + timedelta(days=90):%Y-%m-%d}"}
    terms = {"kind": "vendor", "company": "保守会社", **days, "reason": "委託契約"}
    assert put(client, f"{url}terms/", terms, **{"If-Match": '"other"'}).status_code == 412
    changed = put(client, f"{url}terms/", terms, **{"If-Match": tag})
    assert changed.json()["kind"] == "member.terms"
    confirmed(stage, changed)
    seen = client.get(url)
    assert (seen.json()["terms_kind"], seen.json()["company"], seen["ETag"] == tag) == (
        "vendor",
        "保守会社",
        False,
    )
    assert (
        send(client, f"{url}grant/", {"role": "operator", "reason": "夜勤"}).json()["kind"] == "member.grant"
    )
    assert (
        problem(send(client, f"{url}revoke/", {"role": "auditor", "reason": "x"}))["code"]
        == "nothing_changed"
    )
    assert send(client, f"{url}close/", {"reason": "退職"}).json()["kind"] == "member.close"
    assert signed_in(stage.cast.stranger).get(url).status_code == 404


def test_what_keeps_a_snapshot_from_coming_back_names_its_copies_and_quotas_as_the_page_does() -> None:
    told = TroubleOut(Trouble("version_not_offered", "", copies=("8.0.42",), quota=STORAGE_QUOTA)).data
    assert (told["copies"], told["quota"]) == (["8.0.42"], STORAGE_QUOTA)


def test_rights_are_looked_at_once_a_quarter_and_a_list_is_held_against_the_members(stage: Stage) -> None:
    client, url = stage.client(Role.ADMINISTRATOR), stage.api("rights/")
    begun = send(client, url, {})
    assert (begun.status_code, len(begun.json()["open_items"])) == (201, len(list(Role)))
    assert problem(send(client, url, {}))["code"] == "recertified_already"
    item = next(one for one in begun.json()["open_items"] if not one["own"])
    decide = {"items": [item["id"]], "decision": "keep", "reason": "必要"}
    assert send(client, f"{url}decide/", decide).json() == {"undecided": []}
    assert [one["id"] for one in client.get(url).json()["decided"]] == [item["id"]]
    looked = send(client, stage.api("roster/look/"), {"text": "ユーザー名,氏名\nichiro,鈴木 一郎\n"})
    chosen = [one for one in looked.json()["differences"] if one["what"] == "invite"]
    assert [one["username"] for one in chosen] == ["ichiro"]
    body = {"chosen": chosen, "role": "viewer", "reason": "入職"}
    entered = send(client, stage.api("roster/"), body).json()
    assert ([one["kind"] for one in entered["operations"]], entered["refused"]) == (["member.invite"], [])


def test_a_tagging_rule_is_looked_at_entered_against_its_version_and_confirmed(stage: Stage) -> None:
    server = stage.resource(tags={"Name": "web", "Owner": "sato"})
    stage.volumes(1, served_instance=server.aws_id, served_name="web", naming="due", tags={"Owner": "ito"})
    client, url = stage.client(Role.ADMINISTRATOR), stage.api("tagging/rules/")
    rule = {"keys": ["Owner"], "overwrite": "always"}
    (line,) = send(client, f"{url}look/", rule).json()["lines"]
    assert (line["before"], line["after"]) == ("Owner=ito", "Name=web, Owner=sato")
    assert problem(send(client, f"{url}look/", {"keys": ["aws:x"]}))["code"] == "tag_key_of_aws"
    tag = client.get(url)["ETag"]
    entered = send(client, url, rule | {"reason": "整理"}, **{"If-Match": tag})
    assert entered.json()["kind"] == "tagging.rules"
    confirmed(stage, entered)
    assert client.get(url).json()["keys"] == ["Name", "Owner"]
    assert (
        send(client, url, rule | {"keys": ["Team"], "reason": "整理"}, **{"If-Match": tag}).status_code == 412
    )
    (account,) = client.get(stage.api("tagging/")).json()["results"]
    assert (account["due"], account["rule"]["own"]) == (1, False)
    assert client.get(stage.api(f"tagging/accounts/{account['id']}/")).json()["total"] == 1


def test_a_volume_is_to_go_with_its_server(stage: Stage) -> None:
    (row,) = stage.volumes(1)
    held = Attachment(
        tenant_id=stage.cast.tenant.id, volume=row, instance_id="i-1", instance_name="web", device="/dev/sdf", since=clock.now()
    )  # fmt: skip
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        held.save(force_insert=True)
    client, url = stage.client(Role.OPERATOR), stage.api("volumes/staying/")
    (seen,) = client.get(url).json()["results"]
    assert (seen["id"], seen["instance_name"], seen["refusal"]) == (str(row.id), "web", "")
    body = {
        "volumes": [str(row.id), str(uuid.uuid4())],
        "on_termination": "goes",
        "token": "form-00000001",
        "reason": "整理",
    }
    entered = send(client, url, body).json()
    assert [one["kind"] for one in entered["entered"]] == ["volume.termination"]
    assert [one["code"] for one in entered["undone"]] == ["not_found"]


def test_who_reaches_a_database_and_what_a_message_means(stage: Stage) -> None:
    database = stage.resource(kind="rds", aws_state="available", state="running", facts={"engine": "mysql"})
    client, url = stage.client(Role.OPERATOR), stage.api(f"databases/{database.id}/reach/")
    assert client.get(url).json() == {"port": 3306, "ways": None, "groups": {}, "limit": None}
    wide = {"group": "sg-0123456789abcdef0", "source": "0.0.0.0/0", "reason": "急ぎ"}
    assert send(client, url, wide).status_code == 422
    meaning = send(client, stage.api("databases/explain/"), {"message": "ORA-28000: the account is locked"})
    assert meaning.json() == {"step": "sign_in", "cause": "user_locked"}
    opened = stage.opened(database)
    closing = send(client, stage.api(f"reach/{opened.id}/close/"), {"reason": "済"})
    assert problem(closing)["code"] == "not_open"


def test_one_event_in_every_form_my_own_history_and_a_kept_question(stage: Stage) -> None:
    stage.entered()
    auditor = stage.client(Role.AUDITOR)
    event = auditor.get(stage.api("events/"), {"event": "operation.entered"}).json()["results"][0]
    url = stage.api(f"events/{event['id']}/")
    told = {
        form: auditor.get(url, {"form": form}).json()["text"]
        for form in ("sentence", "raw", "dicom", "fhir", "proof")
    }
    assert told["sentence"] == ""
    assert event["hash"] in told["raw"]
    assert told["dicom"].startswith("<AuditMessage")
    assert '"AuditEvent"' in told["fhir"]
    assert auditor.get(url, {"form": "poem"}).status_code == 400
    mine = stage.client(Role.OPERATOR).get(stage.api("my-history/")).json()["results"]
    assert "operation.entered" in [one["kind"] for one in mine]
    kept = send(
        auditor,
        stage.api("searches/"),
        {"name": "確定", "filter": {"event": "operation.confirmed"}},
        **{"If-Match": "*"},
    )
    assert kept.json()["filter"] == {"event": "operation.confirmed"}
    assert stage.client(Role.ADMINISTRATOR).get(stage.api("searches/")).json()["results"] == []
    assert auditor.delete(stage.api(f"searches/{kept.json()['id']}/")).status_code == 204
    queue = stage.client(Role.APPROVER).get(stage.api("confirmations/")).json()
    assert (queue["mine_total"], queue["own"]) == (1, [])


def test_another_term_of_the_record_leaves_for_how_long_people_stay_readable(stage: Stage) -> None:
    client, url = stage.client(Role.ADMINISTRATOR), stage.api("retention/")
    first = {"years": 10, "person_months": 120, "reason": "院内規程"}
    confirmed(stage, send(client, url, first, **{"If-Match": client.get(url)["ETag"]}))
    assert client.get(url).json()["person_months"] == 120
    tag = client.get(url)["ETag"]
    entered = send(client, url, {"years": 12, "reason": "院内規程"}, **{"If-Match": tag}).json()
    with tenant_scope(stage.cast.tenant.id):
        parameters = Operation.objects.get(id=entered["id"]).parameters
    assert (parameters["years"], parameters["person_months"]) == (12, 120)
