"""A verification's result in words."""

from django.utils.translation import gettext as _

from config.saying.fields import field
from config.saying.times import number
from config.words import verification as words


def damage_words(run: object) -> str:
    """What was found, as one sentence."""
    of = field(run, "damage_of", "")
    kinds = words.SEAL_DAMAGES if of == "seals" else words.DAMAGES
    kind = str(field(run, "damage"))
    if kind not in kinds:
        return kind
    given = {"number": number(field(run, "damage_seq")), "operation": field(run, "problem", "")}
    found = str(kinds[kind]) % given
    return str(words.PLATFORM_DAMAGE) % {"found": found} if of == "platform" else found


def anchor_word(name: object) -> str:
    return str(words.ANCHORS.get(str(name), name))


def seal_refusal(code: object) -> str:
    """Why the sealer does not go on."""
    return str(words.SEAL_REFUSALS.get(str(code), code))


def stream_problem(code: object) -> str:
    """Why a receiver of the stream did not take what it was sent, and what to do."""
    return str(words.STREAM_PROBLEMS.get(str(code), code))


def milliseconds(value: object) -> str:
    """A difference of clocks: +12 ms, -3 ms."""
    total = getattr(value, "total_seconds", lambda: 0.0)()
    return _("%(value)s ms") % {"value": f"{round(total * 1000):+d}"}
