"""What is unusual, and how the clocks stand, in words."""

from django.utils.translation import gettext as _

from config.saying.fields import field
from config.saying.times import number
from config.words import _Params
from config.words import audits as words


def rule_label(code: object) -> str:
    """The short name of a rule."""
    return str(words.RULES[str(code)][0]) if str(code) in words.RULES else str(code)


def rule_reason(code: object) -> str:
    """Why a reviewer should look at what a rule finds."""
    return str(words.RULES[str(code)][2]) if str(code) in words.RULES else ""


def anomaly_sentence(row: object) -> str:
    """One finding as one sentence."""
    found = words.RULES.get(str(field(row, "rule")))
    if found is None:
        return str(field(row, "rule"))
    figures = {
        name: number(value) if isinstance(value, int) else value
        for name, value in dict(field(row, "figures", {})).items()
    }
    return str(found[1]) % _Params({"person": field(row, "person_name") or "—"} | figures)


def limit_label(name: object) -> str:
    """The name of a threshold."""
    return str(words.LIMITS.get(str(name), name))


def clock_problem(code: object) -> str:
    return str(words.CLOCK_PROBLEMS.get(str(code), code))


def millis(value: object) -> str:
    """A difference in whole milliseconds, signed; what was not measured is a dash."""
    return _("%(value)s ms") % {"value": f"{value:+,d}"} if isinstance(value, int) else "—"
