from infra.models.account import AccountTrust, AwsAccount, Region
from infra.models.resource import Finding, Resource
from infra.models.schedule import (
    Assignment,
    HeldRound,
    MaintenanceWindow,
    NamedSchedule,
    Override,
    Price,
    Revision,
    TenantRules,
)
from infra.models.volume import Attachment, Volume

__all__ = [
    "AccountTrust",
    "Assignment",
    "Attachment",
    "AwsAccount",
    "Finding",
    "HeldRound",
    "MaintenanceWindow",
    "NamedSchedule",
    "Override",
    "Price",
    "Region",
    "Resource",
    "Revision",
    "TenantRules",
    "Volume",
]
