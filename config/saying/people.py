"""People and how they come in, in words."""

from config.words import people


def difference_label(what: object) -> str:
    return str(people.DIFFERENCES[str(what)][0])


def difference_help(what: object) -> str:
    return str(people.DIFFERENCES[str(what)][1])


def decision_label(decision: object) -> str:
    return str(people.DECISIONS.get(str(decision), decision))


def account_kind(kind: object) -> str:
    return str(people.ACCOUNT_KINDS.get(str(kind), kind))


def sign_on_mode(mode: object) -> str:
    return str(people.SIGN_ON_MODES.get(str(mode), mode))


def reissue_label(what: object) -> str:
    return str(people.REISSUES.get(str(what), what))


def sign_on_claim(claim: object) -> str:
    return str(people.SIGN_ON_CLAIMS.get(str(claim), claim))


def sign_on_replaces(what: object) -> str:
    return str(people.SIGN_ON_REPLACES.get(str(what), what))
