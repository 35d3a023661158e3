"""Who may do what: one table, readable by someone who does not program."""

from enum import StrEnum


class Permission(StrEnum):
    RESOURCE_VIEW = "resource.view"
    OPERATION_VIEW = "operation.view"
    POWER_ENTER = "power.enter"
    POWER_CONFIRM = "power.confirm"
    VOLUME_TAG = "volume.tag"
    AUTOMATION_ENTER = "automation.enter"
    AUTOMATION_CONFIRM = "automation.confirm"
    OPERATION_REJECT = "operation.reject"
    OPERATION_CANCEL = "operation.cancel"
    LEDGER_VIEW = "ledger.view"


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


_VIEW = frozenset({Permission.RESOURCE_VIEW, Permission.OPERATION_VIEW})
_OPERATE = _VIEW | {Permission.POWER_ENTER, Permission.POWER_CONFIRM, Permission.OPERATION_CANCEL}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEW,
    Role.OPERATOR: _OPERATE,
    Role.APPROVER: _OPERATE | {Permission.OPERATION_REJECT, Permission.AUTOMATION_CONFIRM},
    Role.ADMINISTRATOR: _OPERATE
    | {Permission.OPERATION_REJECT, Permission.AUTOMATION_ENTER, Permission.LEDGER_VIEW},
    Role.AUDITOR: _VIEW | {Permission.LEDGER_VIEW},
}


def permissions_of(roles: tuple[str, ...]) -> frozenset[str]:
    """The union of what the roles may; an unknown role is a programming error and raises ValueError."""
    return frozenset(str(p) for role in roles for p in ROLE_PERMISSIONS[Role(role)])
