"""List the accounts of an AWS organization, as its management account or a delegated administrator sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.aws.gateway import Call, current
from infra.aws.sessions import ORGANIZATIONS
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.organization import Member

PAGE_SIZE = 20  # the most that Organizations gives
PAGES_MOST = 50


def list_members(
    target: Target, *, may_go_on: Callable[[], bool] = lambda: True
) -> tuple[list[Member], bool]:
    """The accounts by name, and whether there are more than PAGES_MOST pages hold. Raises AwsError, also where there is no time for
    another page.

    The target's region matters not: Organizations has one address for all.
    """

    def send(client: Any, token: str) -> Any:
        return client.list_accounts(MaxResults=PAGE_SIZE, **({"NextToken": token} if token else {}))

    found: list[Member] = []
    more = False
    pages = current().pages(Call(ORGANIZATIONS, target, "ListAccounts", "Accounts"), send)
    for number, answer in enumerate(pages, start=1):
        found += [_member(raw) for raw in answer["Accounts"]]
        if number == PAGES_MOST:
            more = bool(answer.get("NextToken"))
            break
        if answer.get("NextToken") and not may_go_on():
            raise AwsError(
                Problem.NO_ANSWER, action="organizations:ListAccounts", code="TooSlow", message="AWS answered too slowly for the whole list"
            )  # fmt: skip
    return sorted(found, key=lambda one: (one.name, one.id)), more


def _member(raw: Any) -> Member:
    """AWS is replacing Status by State, which knows more; the address of who owns an account is nobody's business here."""
    return Member(raw["Id"], raw.get("Name", ""), raw.get("State") or raw.get("Status", ""))
