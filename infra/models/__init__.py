from infra.models.account import AccountSetup, AccountTrust, AwsAccount, Region
from infra.models.calendar import Closure, CompanyDay, HolidayFeed, HolidayList
from infra.models.database import DatabaseSnapshot
from infra.models.project import Project
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
from infra.models.volume import Attachment, TaggingRule, Volume, VolumeSnapshot

__all__ = [
    "AccountSetup",
    "AccountTrust",
    "Assignment",
    "Attachment",
    "AwsAccount",
    "Closure",
    "CompanyDay",
    "DatabaseSnapshot",
    "Finding",
    "HeldRound",
    "HolidayFeed",
    "HolidayList",
    "MaintenanceWindow",
    "NamedSchedule",
    "Override",
    "Price",
    "Project",
    "Region",
    "Resource",
    "Revision",
    "TaggingRule",
    "TenantRules",
    "Volume",
    "VolumeSnapshot",
]
