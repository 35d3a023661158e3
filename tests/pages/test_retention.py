"""The page of the record's retention: what holds and what has gone, another term or a hold, what is refused and why."""

from __future__ import annotations

from accounts.domain.permissions import Role
from tests.pages.test_authority import confirm, newest
from tests.stage import Stage

HERE = "ledger/retention/"


def test_a_hold_is_entered_by_one_and_confirmed_by_another_and_then_stands_on_the_page(stage: Stage) -> None:
    enterer, url = stage.client(Role.ADMINISTRATOR), stage.url(HERE)
    page = stage.client(Role.AUDITOR).get(url).content.decode()
    assert "月末から5年" in page
    assert "削除されたものはありません" in page
    assert 'name="years"' not in page, "an auditor enters nothing here"
    sent = {"years": "7", "hold": "監査法人の調査", "person_months": "60", "reason": "調査の通知"}
    assert enterer.post(url, sent | {"years": "4"}).status_code == 422
    assert enterer.post(url, sent).status_code == 302
    operation = newest(stage, "ledger.retention")
    assert confirm(stage, enterer, operation) == 403
    shown = stage.client(Role.APPROVER).get(stage.url(f"operations/{operation.id}/")).content.decode()
    assert "保全の理由" in shown
    assert confirm(stage, stage.client(Role.APPROVER), operation) == 302
    page = enterer.get(url).content.decode()
    assert "月末から7年" in page
    assert "監査法人の調査" in page
    refused = enterer.post(f"{url}purge/", {"until": "2019-04-01T00:00:00+09:00", "reason": "期限"})
    assert refused.status_code == 422
    assert "記録は保全中のため" in refused.content.decode()
    assert enterer.post(f"{url}purge/", {"until": "昨日", "reason": "期限"}).status_code == 422
    assert (
        enterer.post(
            url, {"years": "7", "hold": "", "person_months": "60", "reason": "調査の終了"}
        ).status_code
        == 302
    )
    lifting = stage.client(Role.APPROVER).get(
        stage.url(f"operations/{newest(stage, 'ledger.retention').id}/")
    )
    assert "保全の理由" in lifting.content.decode(), "that the hold is lifted is seen by who confirms it"
