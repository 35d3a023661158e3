"""Operations in words: what they do, by whom, how far they are, how they ended."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from config.saying.accounts import feature_label
from config.saying.channels import channel_kind, wanted_word
from config.saying.codes import permission_label, role_label, state_of, state_word
from config.saying.fields import field
from config.saying.people import account_kind, reissue_label, sign_on_claim, sign_on_mode, sign_on_replaces
from config.saying.schedules import schedule_reason
from config.saying.times import jst, number
from config.words import databases, facts, operations, schedules, sentence, states, volumes
from config.words.channels import CHANNEL_KINDS
from config.words.codes import CODES
from medical_audit.domain.kinds import calls_outside


def operation_label(kind: object) -> str:
    """The short name of an operation's kind, for lists and filters."""
    return str(operations.OPERATION_KINDS.get(str(kind), (kind, ""))[0])


def operation_effect(kind: object) -> str:
    return str(operations.OPERATION_EFFECTS.get(str(kind), ("", ""))[0])


def operation_undo(kind: object) -> str:
    return str(operations.OPERATION_EFFECTS.get(str(kind), ("", ""))[1])


def sentence_of(kind: object, name: object, id_: object) -> str:
    target = str(name or operations.NAMELESS.get(str(kind)) or id_ or "—")
    pair = operations.OPERATION_KINDS.get(str(kind))
    return f"{kind} {target}" if pair is None else str(pair[1]) % {"target": target}


def operation_sentence(operation: object) -> str:
    """What an operation does to what: "Start the EC2 instance ehr-web-01"."""
    return sentence_of(
        field(operation, "kind"), field(operation, "target_name"), field(operation, "target_id")
    )


def code_text(code: object) -> str:
    """What a code of an outcome, a problem or a refusal means, as one sentence."""
    return sentence(CODES, str(code), {}) if code else ""


def code_with_detail(code: object, detail: object) -> str:
    """The same, with the permission that is missing and what AWS itself said, where the detail holds them."""
    if not code:
        return ""
    inner = field(detail, "detail", None) or detail
    text = _of_outcome(code, inner)
    if last := field(inner, "last"):
        text = f"{text} {code_text(last)}"
    if also := field(inner, "also"):
        text = f"{text} {code_text(also)}"
    for name, words in (
        ("keys", operations.KEYS),
        ("sizes", operations.SIZES),
        ("snapshot", operations.SNAPSHOT),
        ("left", volumes.LEFT),
        ("pending", databases.PENDING_CHANGES),
    ):
        if value := field(inner, name):
            text = f"{text} {words % {name: value}}"
    return f"{text} ({message})" if (message := field(inner, "message")) else text


def shown_facts(operation: object) -> list[dict[str, str]]:
    """The parameters that a person confirms, in words: [{label, before, after}]; only those that have a name."""
    shown, kind = field(operation, "shown", {}), str(field(operation, "kind"))
    if not hasattr(shown, "get"):
        return []
    before = dict(field(shown, "before", {}) or {})
    if "replaces_name" in shown:
        before["schedule_name"] = shown["replaces_name"]
    if "wish" in shown:
        wish = (str(field(shown, "kind")), str(shown["wish"]))
        shown = {**shown, "wish": str(schedules.OVERRIDES.get(wish, shown["wish"]))}
    own = facts.KIND_FACTS.get(kind, {})
    names = {name: label for name, label in facts.FACTS.items() if (kind, name) not in _NO_FACTS} | dict(own)
    return [
        {"label": str(label), "before": _fact(name, before.get(name)), "after": _fact(name, shown[name])}
        for name, label in names.items()
        if shown.get(name) not in (None, "", []) and not isinstance(shown[name], dict)
    ]


#: What an override does is said by its wish, of when a review is by its period, what a receiver is by a word of its own.
_NO_FACTS: Final = frozenset(
    {
        ("override.set", "kind"),
        ("freeze.set", "kind"),
        ("review.sign", "review"),
        *((kind, "kind") for kind in CHANNEL_KINDS),
    }
)


def _fact(name: str, value: object) -> str:
    if value is None or value == "":
        return ""
    many = value if isinstance(value, list) else [value]
    if name in _FACT_WORDS:
        join, word = _FACT_WORDS[name]
        return join.join(map(word, many))
    if name in _COUNTS and isinstance(value, int):
        return str(number(value))
    if name == "names":
        return "、".join(map(str, value))  # type: ignore[call-overload]
    if isinstance(value, list):
        return " → ".join(map(str, value))
    return jst(str(value)) if name.endswith("_at") or name in ("since", "until") else str(value)


def outcome_text(operation: object) -> str:
    """How an operation ended, why it waits, or how far AWS is; nothing while there is nothing to say."""
    seen = field(field(operation, "outcome_detail", {}), "aws_state", "")
    if seen and not field(operation, "outcome"):
        return operations.SEEN % {"state": seen}
    return code_with_detail(field(operation, "outcome"), field(operation, "outcome_detail", {}))


def outcome_short(operation: object) -> str:
    """The same without AWS's own words, for a list."""
    code, detail = field(operation, "outcome"), field(operation, "outcome_detail", {})
    return _of_outcome(code, detail) if code else ""


def _of_outcome(code: object, detail: object) -> str:
    """A missing right is told otherwise where another policy than the role's own refuses it."""
    denial = field(detail, "denial") if str(code) == "permission" else ""
    said = f"denied_{denial}" if denial else str(code)
    return sentence(CODES, said, {"action": field(detail, "missing_action") or "—"})


def policy_text(policy: object) -> str:
    """Who may confirm."""
    return str(operations.POLICIES.get(str(policy), policy))


def overwrite_text(code: object) -> str:
    """What happens to a value that stands where a tag is to be written."""
    return str(volumes.OVERWRITES.get(str(code), code))


_COUNTS: Final = frozenset({"population", "unusual", "drawn", "remarked", "seal", "known_people"})
#: How the values of a fact are joined, and what says each of them.
_FACT_WORDS: Final[Mapping[str, tuple[str, Callable[[object], str]]]] = {
    "kind": ("", operation_label),
    "kinds": ("、", operation_label),
    "policy": ("", policy_text),
    "receiver": ("", channel_kind),
    "wanted": ("、", wanted_word),
    "tag_values": (", ", str),
    "role": ("", role_label),
    "roles_before": ("・", role_label),
    "roles_after": ("・", role_label),
    "permissions": ("・", permission_label),
    "networks": (", ", str),
    "domains": (", ", str),
    "hosts": (", ", str),
    "local_names": ("、", str),
    "account_kind": ("", account_kind),
    "reissues": ("", reissue_label),
    "agrees": ("", lambda code: str(volumes.YES_NO.get(str(code), code))),
    "elsewhere": ("", lambda code: str(volumes.YES_NO.get(str(code), code))),
    "claim": ("", sign_on_claim),
    "sign_on_mode": ("", sign_on_mode),
    "sign_on_replaces": ("", sign_on_replaces),
    # Who enters "observe" switches it off: people may go on by hand.
    "mode": ("", lambda code: state_word("off" if code == "observe" else code, "account")),
    "features": ("、", feature_label),
    "regions": (", ", str),
    "managed_only": ("", lambda code: str(volumes.YES_NO[str(code)])),
    "rights_more": (", ", str),
    "rights_less": (", ", str),
    "tag_keys": ("、", str),
    "tag_overwrite": ("", overwrite_text),
    "on_termination": ("", lambda code: str(volumes.ON_TERMINATION[str(code)])),
    "last_copy": ("", lambda code: str(volumes.YES_NO.get(str(code), code))),
    "tag_snapshots": ("", lambda code: str(volumes.YES_NO[str(code)])),
}


def entered_by(operation: object) -> str:
    """A person's name, or Toban itself."""
    known = states.ACTORS.get(str(field(operation, "entered_by_type")))
    return str(known) if known is not None else str(field(operation, "entered_by_name"))


def why_text(operation: object) -> str:
    """The reason that a person typed, or what the clock acted on."""
    if typed := field(operation, "reason"):
        return str(typed)
    reason = field(field(operation, "authority", {}), "reason", {})
    values = {key: value or "—" for key, value in dict(reason).items()}
    source = str(values.get("source", "")).partition(":")[0]
    planned = sentence(operations.SOURCES, source, values)
    because = schedule_reason(reason.get("because")) if hasattr(reason, "get") else ""
    return f"{planned} {because}".strip()


def target_code(operation: object) -> str:
    """The id that AWS knows the target by."""
    parameters = field(operation, "parameters", {})
    if field(operation, "target_type") == "snapshot":
        return str(field(operation, "target_name"))
    # Of a snapshot its volume is named, too.
    named = ("aws_id", "snapshot_id", "volume_id")
    return str(next(filter(None, (field(parameters, name) for name in named)), field(operation, "target_id")))


def _step(name: str, at: object = None, who: str = "") -> dict[str, Any]:
    return {"word": operations.STEPS[name], "at": at, "who": who, "look": "stopped", "icon": "state-stopped"}


def operation_steps(operation: object) -> list[dict[str, Any]]:
    """The way of an operation: the steps passed, where it stands, and its end in place of the steps left out.

    What is carried out in Toban itself calls nobody: it is confirmed and in effect.
    """
    outside = calls_outside(field(operation, "kind"))
    steps = [
        _step("entered", field(operation, "entered_at"), entered_by(operation)),
        _step(
            "confirmed", field(operation, "confirmed_at", None), str(field(operation, "confirmed_by_name"))
        ),
        *([_step("called", field(operation, "called_at", None))] if outside else []),
        _step("verified" if outside else "applied", field(operation, "finished_at", None)),
    ]
    now_at, finished = str(field(operation, "state")).lower(), field(operation, "finished_at", None)
    passed = [step for step in steps[:-1] if step["at"]]
    for step in passed:
        step |= {"passed": True, "look": "done", "icon": "state-done"}
    if now_at == "succeeded":
        steps[-1] |= {"passed": True, "here": True, "look": "done", "icon": "state-done"}
        return [*passed, steps[-1]]
    found = state_of(now_at, "operation")
    here = {"word": found.word, "look": found.look, "icon": f"state-{found.look}", "here": True}
    if finished:
        return [*passed, here | {"at": finished, "who": ""}]
    if now_at in ("running", "unknown"):
        return [*passed, here | {"at": None, "who": ""}, steps[-1]]
    waiting = steps[len(passed) :]
    if now_at == "entered" and waiting:
        waiting[0] |= here | {"who": ""}
        return [*passed, *waiting]
    passed[-1]["here"] = True
    return [*passed, *waiting]
