from accounts.models.channel import Channel, ChannelCursor, ChannelSecret, Dispatch
from accounts.models.factor import RecoveryCode, SecondFactor
from accounts.models.invitation import Invitation
from accounts.models.notice import NoticeChoice, NoticeDelivery
from accounts.models.passkey import Passkey, PasskeyQuestion
from accounts.models.tenant import Membership, Tenant
from accounts.models.token import ApiToken
from accounts.models.user import User

__all__ = [
    "ApiToken",
    "Channel",
    "ChannelCursor",
    "ChannelSecret",
    "Dispatch",
    "Invitation",
    "Membership",
    "NoticeChoice",
    "NoticeDelivery",
    "Passkey",
    "PasskeyQuestion",
    "RecoveryCode",
    "SecondFactor",
    "Tenant",
    "User",
]
