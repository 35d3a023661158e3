"""Receivers of events in words: what they are, what they are sent, how they stand."""

from config.saying.fields import field
from config.words import channels, events, states


def channel_kind(code: object) -> str:
    return str(channels.CHANNEL_KIND_NAMES.get(str(code), code))


def way_word(code: object) -> str:
    """By which way a person is told."""
    return str(channels.WAYS.get(str(code), code))


def wanted_word(code: object) -> str:
    """A topic of a chat, or a kind of event of a webhook; what is asked for by its beginning stands as it was written."""
    if (topic := states.TOPIC_STATES.get(str(code))) is not None:
        return str(topic.word)
    return str(events.EVENT_KINDS.get(str(code), code))


def channel_state(row: object) -> str:
    """How a receiver stands: `failing` while the last attempts failed."""
    state = str(field(row, "state"))
    return "failing" if state == "active" and field(row, "problem") else state


def wanted_words(row: object) -> str:
    return "、".join(wanted_word(one) for one in field(row, "wanted", []) or [])
