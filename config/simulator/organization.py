"""An AWS organization in the simulator: one account that manages it, and members with names, numbers and states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from moto.organizations.models import organizations_backends

from config.simulator.identify import Call

#: AWS's answers to who may not list, which moto does not give.
_NOT_IN_USE = "AWSOrganizationsNotInUseException", "Your account is not a member of an organization."
_NOT_YOURS = "AccessDeniedException", "You don't have permissions to access this resource."
_EMAIL = "aws+{id}@example.jp"


def objection(call: Call) -> tuple[str, str] | None:
    """AWS's code and sentence for an account that manages no organization; None to let the call pass."""
    if call.service != "organizations" or organizations_backends[call.account]["aws"].org is not None:
        return None
    return _NOT_YOURS if call.account in organizations_backends.master_accounts else _NOT_IN_USE


def found(management: str, name: str, members: Iterable[Mapping[str, str]]) -> list[str]:
    """Make an account the manager of an organization with these members (id, name, and state where it is not ACTIVE); gives all
    numbers. One that stands already is made anew."""
    known = organizations_backends.master_accounts
    for account in [one for one, (manager, _) in known.items() if manager == management]:
        known.pop(account)
    backend = organizations_backends[management]["aws"]
    backend.reset()
    backend.create_organization(region="us-east-1", FeatureSet="ALL")
    backend.accounts[0].name = name
    for one in members:
        backend.create_account(AccountName=one["name"], Email=_EMAIL.format(id=one["id"]))
        made = backend.accounts[-1]
        # moto makes its numbers up; here they are those of accounts that can be worked in.
        known[one["id"]] = known.pop(made.id)
        made.id = one["id"]
        made.state = one.get("state", made.state)
        made.status = "SUSPENDED" if made.state == "CLOSED" else made.state
    return [account.id for account in backend.accounts]
