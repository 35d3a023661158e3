"""AWS accounts in words."""

from config.saying.fields import field
from config.words import accounts, sentence


def feature_label(feature: object) -> str:
    return str(accounts.FEATURES[str(feature)][0])


def feature_help(feature: object) -> str:
    return str(accounts.FEATURES[str(feature)][1])


def account_role(role: object) -> str:
    """Which of the two roles, in words."""
    return str(accounts.ROLES[str(role)])


def check_words(check: object) -> str:
    """How one check of a proof ended, as one sentence."""
    code, status = str(field(check, "code")), str(field(check, "status"))
    values = {name: field(check, name) for name in ("subject", "message", "missing")}
    return sentence({code: accounts.CHECKS[code, status]}, code, values)
