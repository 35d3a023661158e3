"""An event in words: by a template, because the words belong to the top floor, which gives them to templates alone."""

from dataclasses import dataclass

from django.template.loader import get_template

from medical_audit.domain.recorded import Recorded

_BETWEEN = "\x1f"


@dataclass(frozen=True, slots=True)
class Told:
    """In the language that is active: what happened as one sentence, when, and the words of its codes."""

    at: str
    sentence: str
    kind: str
    actor: str
    roles: str
    subject_type: str


class Teller:
    """Tells many events; the template is compiled once."""

    def __init__(self) -> None:
        self._template = get_template("medical_audit/export_row.txt")

    def tell(self, event: Recorded) -> Told:
        context = {
            "event": event,
            "at": event.link.event_at,
            "subject_type": event.subject.get("type", ""),
            "between": _BETWEEN,
        }
        fields = self._template.render(context).strip("\n").split(_BETWEEN)
        return Told(*(field.replace("\r", " ").replace("\n", " ").strip() for field in fields))
