from accounts.models.notice import NoticeChoice, NoticeDelivery
from accounts.models.tenant import Membership, Tenant
from accounts.models.user import User

__all__ = ["Membership", "NoticeChoice", "NoticeDelivery", "Tenant", "User"]
