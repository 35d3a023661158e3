"""States, kinds and roles in words."""

from collections.abc import Iterable

from config.error_words import error_words
from config.words import permissions, sessions, states
from config.words.look import State
from medical_audit.domain.errors import DomainError


def state_of(code: object, family: str) -> State:
    text = str(code).lower()
    return states.STATE_FAMILIES[family].get(text, State("unknown", text))


def state_word(code: object, family: str = "resource") -> str:
    return str(state_of(code, family).word)


def state_look(code: object, family: str = "resource") -> str:
    """The name of a state's icon and colour."""
    return state_of(code, family).look


def kind_label(code: object) -> str:
    """A kind of resource or subject, "EC2 instance"."""
    return str(states.RESOURCE_KINDS.get(str(code), code))


def is_kind(code: object) -> bool:
    """Whether this is a kind of resource (and not of operation)."""
    return str(code) in states.RESOURCE_KINDS


def role_label(code: object) -> str:
    return str(states.ROLES.get(str(code), code))


def permission_label(code: object) -> str:
    return str(permissions.PERMISSIONS.get(str(code), code))


def action_label(code: object) -> str:
    """start, stop, tag."""
    return str(states.ACTIONS.get(str(code), code))


def role_list(codes: Iterable[object]) -> str:
    """All roles of a person in one line."""
    return "・".join(role_label(code) for code in codes)


def error_text(refused: object) -> str:
    """A refusal that a page shows beside its form: what happened, and what to do. Its code is enough where its words name nothing."""
    params = refused.params if isinstance(refused, DomainError) else {}
    words = error_words(str(getattr(refused, "code", refused)), 422, params)
    return f"{words.title} {words.cure}"


def session_end_text(code: object) -> str:
    """How a session ended, said to the person whose it was."""
    return str(sessions.ENDS.get(str(code), code))


def session_fault_text(code: object) -> str:
    return str(sessions.FAULTS.get(str(code), code))


def bell_count(number: object) -> str:
    """The number on the bell; from a hundred on it is not told more exactly."""
    return "99+" if isinstance(number, int) and number > 99 else str(number)


def topic_help(code: object) -> str:
    """What a notice is about."""
    return str(states.TOPIC_HELP[str(code)])
