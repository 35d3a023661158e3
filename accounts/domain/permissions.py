"""Who may do what: one table, readable by someone who does not program."""

from enum import StrEnum


class Permission(StrEnum):
    RESOURCE_VIEW = "resource.view"
    OPERATION_VIEW = "operation.view"
    POWER_ENTER = "power.enter"
    POWER_CONFIRM = "power.confirm"
    VOLUME_TAG = "volume.tag"
    VOLUME_DELETE = "volume.delete"
    VOLUME_DELETE_CONFIRM = "volume.delete.confirm"
    DATABASE_EDIT = "database.edit"
    DATABASE_CONFIRM = "database.confirm"
    AUTOMATION_ENTER = "automation.enter"
    AUTOMATION_CONFIRM = "automation.confirm"
    SCHEDULE_EDIT = "schedule.edit"
    SCHEDULE_CONFIRM = "schedule.confirm"
    OVERRIDE_ENTER = "override.enter"
    OVERRIDE_CONFIRM = "override.confirm"
    CALENDAR_EDIT = "calendar.edit"
    CALENDAR_CONFIRM = "calendar.confirm"
    PRICE_EDIT = "price.edit"
    OPERATION_REJECT = "operation.reject"
    OPERATION_CANCEL = "operation.cancel"
    LEDGER_VIEW = "ledger.view"
    SESSION_END = "session.end"
    POLICY_EDIT = "policy.edit"
    POLICY_CONFIRM = "policy.confirm"
    TICKET_EDIT = "ticket.edit"
    TICKET_CONFIRM = "ticket.confirm"
    TICKET_DECIDE = "ticket.decide"
    DELEGATE = "delegation.give"
    RECORD_CORRECT = "record.correct"
    REVIEW = "review.write"
    EMERGENCY_ASK = "emergency.ask"
    EMERGENCY_OPEN = "emergency.open"
    MEMBER_EDIT = "member.edit"
    MEMBER_CONFIRM = "member.confirm"
    CHANNEL_EDIT = "channel.edit"
    CHANNEL_CONFIRM = "channel.confirm"
    OWN_CHANGE = "own.change"
    TOKEN_MAKE = "token.make"  # noqa: S105  the name of a right


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


_VIEW = frozenset(
    {Permission.RESOURCE_VIEW, Permission.OPERATION_VIEW, Permission.OWN_CHANGE, Permission.TOKEN_MAKE}
)
_OPERATE = _VIEW | {
    Permission.POWER_ENTER,
    Permission.POWER_CONFIRM,
    Permission.OPERATION_CANCEL,
    Permission.OVERRIDE_ENTER,
    Permission.OVERRIDE_CONFIRM,
    Permission.TICKET_DECIDE,
    Permission.DELEGATE,
    Permission.RECORD_CORRECT,
}
_PLAN = frozenset(
    {
        Permission.SCHEDULE_EDIT,
        Permission.CALENDAR_EDIT,
        Permission.VOLUME_DELETE,
        Permission.DATABASE_EDIT,
    }
)

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEW | {Permission.EMERGENCY_ASK},
    Role.OPERATOR: _OPERATE | _PLAN | {Permission.EMERGENCY_ASK},
    Role.APPROVER: _OPERATE
    | {
        Permission.OPERATION_REJECT,
        Permission.EMERGENCY_OPEN,
        Permission.AUTOMATION_CONFIRM,
        Permission.SCHEDULE_CONFIRM,
        Permission.CALENDAR_CONFIRM,
        Permission.VOLUME_DELETE_CONFIRM,
        Permission.DATABASE_CONFIRM,
        Permission.POLICY_CONFIRM,
        Permission.TICKET_CONFIRM,
        Permission.MEMBER_CONFIRM,
        Permission.CHANNEL_CONFIRM,
    },
    Role.ADMINISTRATOR: _OPERATE
    | _PLAN
    | {
        Permission.OPERATION_REJECT,
        Permission.EMERGENCY_OPEN,
        Permission.AUTOMATION_ENTER,
        Permission.PRICE_EDIT,
        Permission.TICKET_EDIT,
        Permission.LEDGER_VIEW,
        Permission.REVIEW,
        Permission.SESSION_END,
        Permission.POLICY_EDIT,
        Permission.MEMBER_EDIT,
        Permission.CHANNEL_EDIT,
    },
    Role.AUDITOR: _VIEW | {Permission.LEDGER_VIEW, Permission.REVIEW},
}


#: What an open emergency right gives, whatever the person's roles: to start, stop, override and
#: cancel. Not to confirm what others must confirm, nor to change people, policies or schedules.
EMERGENCY_PERMISSIONS = frozenset(
    {
        Permission.RESOURCE_VIEW,
        Permission.OPERATION_VIEW,
        Permission.OWN_CHANGE,
        Permission.POWER_ENTER,
        Permission.POWER_CONFIRM,
        Permission.OPERATION_CANCEL,
        Permission.OVERRIDE_ENTER,
        Permission.OVERRIDE_CONFIRM,
    }
)


#: By an account that is no one person's (a program's, or one that several share) nobody asks for the emergency right or opens it,
#: reviews what others did, or lets somebody act for him.
NOT_FOR_NO_ONE = frozenset(
    {
        str(Permission.EMERGENCY_ASK),
        str(Permission.EMERGENCY_OPEN),
        str(Permission.REVIEW),
        str(Permission.DELEGATE),
    }
)


def permissions_of(roles: tuple[str, ...]) -> frozenset[str]:
    """The union of what the roles may; an unknown role is a programming error and raises ValueError."""
    return frozenset(str(p) for role in roles for p in ROLE_PERMISSIONS[Role(role)])
