"""What is wrong in a table or a file that a program sent, as the pages say it, each with its place."""

from django.utils.translation import gettext as _

from config.saying.fields import field
from config.saying.planning import file_problem
from config.saying.prices import price_problem_short
from infra.domain.prices import PriceProblem


def fault_sentence(problem: object) -> str:
    """`Line 3, schedules.a.zone: ...`; the code stands first, for programs."""
    said = price_problem_short(problem) if isinstance(problem, PriceProblem) else file_problem(problem)
    place = {"line": field(problem, "line"), "field": field(problem, "field") or "—"}
    where = _("line %(line)s, %(field)s") % place
    return f"{field(problem, 'code')}: {where}: {said}"
