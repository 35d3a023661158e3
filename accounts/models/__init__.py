from accounts.models.admission import Admission
from accounts.models.channel import Channel, ChannelCursor, ChannelSecret, Dispatch
from accounts.models.factor import RecoveryCode, SecondFactor
from accounts.models.invitation import Invitation
from accounts.models.notice import NoticeChoice, NoticeDelivery
from accounts.models.passkey import Passkey, PasskeyQuestion
from accounts.models.recertification import Recertification, RecertificationItem
from accounts.models.sign_on import SignOnLink, SignOnProvider
from accounts.models.tenant import Membership, Tenant
from accounts.models.terms import MemberTerms
from accounts.models.token import ApiToken
from accounts.models.user import User

__all__ = [
    "Admission",
    "ApiToken",
    "Channel",
    "ChannelCursor",
    "ChannelSecret",
    "Dispatch",
    "Invitation",
    "MemberTerms",
    "Membership",
    "NoticeChoice",
    "NoticeDelivery",
    "Passkey",
    "PasskeyQuestion",
    "Recertification",
    "RecertificationItem",
    "RecoveryCode",
    "SecondFactor",
    "SignOnLink",
    "SignOnProvider",
    "Tenant",
    "User",
]
