"""A planning file's faults and effects, each as one sentence."""

from config.saying.fields import field
from config.saying.schedules import list_source, problem_words
from config.words import planning


def file_problem(problem: object) -> str:
    """What is wrong at a place of the file, and the cure; the place itself stands beside it."""
    code = str(field(problem, "code"))
    text = planning.FILE_PROBLEMS.get(code)
    if text is None:
        return problem_words({**_plain(problem), "path": str(field(problem, "field")).rpartition(".")[2]})
    return str(text) % {"value": field(problem, "value"), **dict(field(problem, "params", ()) or ())}


def _plain(problem: object) -> dict[str, object]:
    return {name: field(problem, name) for name in ("code", "value", "params")}


def import_step(step: object) -> str:
    """What one step of an import does, or what stays as it is."""
    words = planning.LEFT if field(step, "state") == "left" else planning.STEPS
    name = str(field(step, "name"))
    return str(words[str(field(step, "code"))]) % {
        "name": name or planning.WHOLE_TENANT,
        "source": list_source(name) if field(step, "code") == "feed" else "",
        "schedule": field(step, "schedule"),
    }


def import_state(step: object) -> str:
    return str(planning.STEP_STATES[str(field(step, "state"))])


def import_why(step: object) -> str:
    """Why it waits for something else, or what stands in its way."""
    why = str(field(step, "why"))
    return str(planning.STEP_WHY[why]) if why else ""


_ICONS = {
    "enter": "state-waiting",
    "waits": "state-waiting",
    "later": "clock",
    "left": "state-excluded",
    "blocked": "state-failed",
}


def import_icon(state: object) -> str:
    """The mark beside the word of a step's state."""
    return _ICONS[str(state)]
