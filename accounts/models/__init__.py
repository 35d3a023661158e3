from accounts.models.tenant import Membership, Tenant
from accounts.models.user import User

__all__ = ["Membership", "Tenant", "User"]
