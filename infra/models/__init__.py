from infra.models.account import AccountTrust, AwsAccount, Region
from infra.models.resource import Finding, Resource
from infra.models.volume import Attachment, Volume

__all__ = ["AccountTrust", "Attachment", "AwsAccount", "Finding", "Region", "Resource", "Volume"]
