"""The house's own laws, read from the sources: what a reviewer would otherwise have to remember."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from accounts.domain.permissions import ROLE_PERMISSIONS, Permission, Role, permissions_of
from config.error_words import ERRORS
from config.words import events as event_words
from config.words import operations as operation_words
from config.words.codes import CODES
from medical_audit.domain import rights
from medical_audit.domain.kinds import Kind, Policy, all_kinds
from medical_audit.domain.states import TRANSITIONS, State
from tests.accounts.walls import ACCOUNT_WRITERS
from tests.redmine.walls import TICKET_WRITERS
from tests.reviewed import WITHOUT_ACTOR_HERE

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "medical_audit", "accounts", "infra", "redmine_sync")
WRITES = {"save", "delete", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create",
          "record", "record_many", "save_moves"}  # fmt: skip

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str, migrations: bool = False) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if migrations or "migrations" not in path.parts:
                yield path


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines_with(pattern: str, paths: Iterator[Path]) -> list[str]:
    """`file:line` of every match."""
    wanted = re.compile(pattern)
    return [
        f"{name_of(path)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if wanted.search(line)
    ]


# -- operations --------------------------------------------------------------------------------------------------------


def _calls(function: ast.AST) -> set[str]:
    """Names of what a function calls; `.update(...)` counts as a write only with field names."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found.add("save" if name == "update" and node.keywords else name)
    return found


def writers(path: Path) -> Iterator[Function]:
    """Public functions of a module that write, themselves or through a private neighbour."""
    functions = {node.name: node for node in tree(path).body if isinstance(node, Function)}
    writing = {name for name, function in functions.items() if _calls(function) & WRITES}
    for _ in functions:
        writing |= {name for name, function in functions.items() if _calls(function) & writing}
    return (functions[name] for name in sorted(writing) if not name.startswith("_"))


def arguments(function: Function) -> set[str]:
    return {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}


#: Reviewed: who writes without being told who acts, and why that is right.
WITHOUT_ACTOR = {
    **WITHOUT_ACTOR_HERE,
    **ACCOUNT_WRITERS,
    **TICKET_WRITERS,
    "accounts/operations/asking.py:lay_aside": "a part of a kind's own work, inside the confirmation that names the person",
    "infra/operations/archiving.py:apply": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/confirm_policies.py:apply": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/delegating.py:apply_deputies": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/delegating.py:apply_end": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/delegating.py:apply_grant": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/emergencies.py:apply_open": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/emergencies.py:apply_review": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/reviewing.py:apply": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/watching.py:apply": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/retaining.py:apply_keeping": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/policies.py:apply": "a kind's own work, inside the confirmation that names the person",
    "medical_audit/operations/seats.py:forget_failures": "a right password; its session or confirmation is recorded",
    "infra/operations/automation.py:apply": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/featuring.py:apply": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/regions.py:apply": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/holiday_lists.py:apply_adopt": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/calendars.py:apply_change": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/assigning.py:apply": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/overriding.py:apply_end": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/overriding.py:apply_set": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/pricing.py:apply": "a kind's own work; its events name who confirmed it",
    "infra/operations/publishing.py:apply": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/tagging_rules.py:apply": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/ruling.py:apply": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/rounds.py:apply": "a kind's own work, inside the confirmation that names the person",
    "infra/operations/rounds.py:settle": "a part of the tick, which names the authority of each entry",
    "infra/operations/inventory.py:take_inventory": "a look at AWS; the worker is named",
    "infra/operations/organizing.py:run_listing": "a look at AWS; the worker is named",
    "infra/operations/database_terms.py:keep": "a part of a look at AWS",
    "infra/operations/volume_snapshots.py:keep": "a part of a look at AWS",
    "infra/operations/database_terms.py:keep_seen": "a part of a look at AWS",
    "infra/operations/memory.py:keep_word": "a part of what the caller records",
    "infra/operations/setups.py:run_proof": "a look at AWS; the worker is named",
    "infra/operations/tick.py:tick": "the clock itself, under the authority that each entry names",
    "infra/operations/volumes.py:keep_volumes": "a part of a look at AWS",
    "infra/operations/windows.py:keep_windows": "a part of a look at AWS",
    "medical_audit/operations/execution.py:drain_lane": "the worker is named; each operation names its confirmer",
    "medical_audit/operations/heartbeat.py:beat": "a process says that it is alive",
    "medical_audit/operations/lanes.py:lease_lane": "the worker is named",
    "medical_audit/operations/lanes.py:note_health": "the lease names the worker",
    "medical_audit/operations/lanes.py:release_lane": "the lease names the worker",
    "medical_audit/operations/moves.py:save_moves": "its events name the actor",
}
#: Reviewed: who writes without being told what time it is, and why that is right.
WITHOUT_NOW = {
    "infra/operations/memory.py:keep_word": "a part of what the caller records, which names the time",
    "medical_audit/operations/saving_searches.py:forget": "one's own question goes, nothing of it is kept",
    "redmine_sync/operations/telling_redmine.py:backfill_some": "the visit holds the clock",
    "redmine_sync/operations/statuses.py:is_closed": "keeps what a server says, without a time",
    "redmine_sync/operations/statuses.py:note_statuses": "keeps what a server says, without a time",
    "medical_audit/operations/seats.py:forget_failures": "sets a counter back",
    "medical_audit/operations/lanes.py:note_health": "the lease holds the clock",
    "medical_audit/operations/lanes.py:release_lane": "only gives back",
    "medical_audit/operations/moves.py:save_moves": "its events hold the time",
}


def _lacking(*names: str) -> set[str]:
    return {
        f"{name_of(path)}:{function.name}"
        for app in APPS
        for path in sources(f"{app}/operations")
        for function in writers(path)
        if not arguments(function) & set(names)
    }


def test_every_write_says_who_acts() -> None:
    assert _lacking("actor") == set(WITHOUT_ACTOR)


def test_every_write_is_told_the_time() -> None:
    assert _lacking("now", "clock") == set(WITHOUT_NOW)


# -- time, tenants, tests ----------------------------------------------------------------------------------------------

#: Reviewed: who may look at the machine's clock, and why.
WALL_CLOCK = {
    "config/console/demo.py": "shows a person the time of day, before there is a database",
    "config/simulator": "plays AWS, which has a clock of its own",
    "config/templatetags/toban.py": "a page that no view gave a time, for words like 'in five minutes' only",
    "medical_audit/time_source.py": "this machine's clock is what it measures",
    "infra/aws/answers.py": "the hour in which a refusal of AWS is counted",
    "infra/aws/sessions.py": "when AWS's own credentials expire; passed in by tests",
}


def test_only_the_clock_knows_what_time_it_is() -> None:
    pattern = r"datetime\.(now|today)\(|utcnow\(|date\.today\(|timezone\.now\(|[^_.]time\.time\("
    found = {place.rpartition(":")[0] for place in lines_with(pattern, sources(*APPS))}
    assert {name for name in found if not name.startswith(tuple(WALL_CLOCK))} == set()


def test_the_tenant_is_told_to_the_database_in_one_place() -> None:
    told = lines_with(r"set_config\(", sources(*APPS, migrations=True))
    assert {place.rpartition(":")[0] for place in told} == {"medical_audit/tenancy.py"}


def test_the_ledger_is_written_in_one_place() -> None:
    written = lines_with(r"ledger\.log\(", sources(*APPS))
    assert {place.rpartition(":")[0] for place in written} == {"medical_audit/operations/ledger.py"}


def test_no_test_replaces_our_own_code() -> None:
    ours = "|".join(APPS)
    pattern = rf"patch\(\s*[\"']({ours})\.|setattr\(\s*[\"']({ours})\.|patch\.object\("
    paths = (path for path in sources("tests") if path != Path(__file__))
    assert lines_with(pattern, paths) == []


def test_no_test_sleeps_for_a_time_and_hopes() -> None:
    """Waiting for another process is polling with a deadline; that has its own folders and helpers."""
    waiting = {
        place.rpartition(":")[0]
        for place in lines_with(r"\bsleep\(", sources("tests/medical_audit", "tests/accounts"))
    }
    assert waiting == set()


#: Reviewed: longer, and why that is right.
LONGER = {
    "medical_audit/domain/bundle_verifier.py": "one file by its purpose: auditors check it and carry it alone"
}


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {
        name_of(p): len(p.read_text(encoding="utf-8").splitlines())
        for p in sources(*APPS, "tests", migrations=True)
    }
    assert {name for name, length in lengths.items() if length > 400} == set(LONGER)


def test_an_import_inside_a_function_says_why() -> None:
    silent = []
    for path in sources(*APPS):
        text = path.read_text(encoding="utf-8").splitlines()
        for function in ast.walk(tree(path)):
            if isinstance(function, Function):
                for node in ast.walk(function):
                    if isinstance(node, ast.Import | ast.ImportFrom):
                        line = text[node.lineno - 1]
                        if not re.search(r"# noqa: [A-Z0-9, ]*PLC0415\s{2,}\S", line):
                            silent.append(f"{name_of(path)}:{node.lineno}")
    assert silent == []


def test_what_a_page_asks_by_itself_is_never_taken_for_a_person_s_act() -> None:
    """The script marks requests of `data-live` as its own: another element that asks by itself would keep a left seat open."""
    tags = [
        (name_of(path), tag)
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for tag in re.findall(
            r"<[a-z][^<]*?hx-trigger=\"[^\"]*\b(?:every|load|revealed)\b[^<]*",
            path.read_text(encoding="utf-8"),
        )
    ]
    assert len(tags) >= 10
    assert [name for name, tag in tags if "data-live" not in tag.partition("hx-trigger")[0]] == []


# -- tables that must be whole -----------------------------------------------------------------------------------------


def test_every_role_and_every_state_stands_in_its_table() -> None:
    assert set(ROLE_PERMISSIONS) == set(Role)
    assert set(TRANSITIONS) == set(State)
    assert set().union(*ROLE_PERMISSIONS.values()) <= set(Permission)


#: Reviewed: rights that no role holds, because only the clock acts under them.
FOR_THE_CLOCK = {Permission.VOLUME_TAG}


def test_every_right_is_held_by_somebody_or_by_the_clock() -> None:
    assert set(Permission) - set().union(*ROLE_PERMISSIONS.values()) == FOR_THE_CLOCK


def test_a_viewer_may_ask_for_help_and_an_auditor_may_review_and_both_only_look_besides() -> None:
    for role, besides in ((Role.VIEWER, Permission.EMERGENCY_ASK), (Role.AUDITOR, Permission.REVIEW)):
        # A token of theirs may do no more than they may, and their own things are theirs to take back.
        rights = permissions_of((role,)) - {Permission.TOKEN_MAKE, Permission.OWN_CHANGE}
        assert {right for right in rights if not right.endswith(".view")} == {besides}


def test_nobody_holds_both_halves_of_what_two_people_must_do() -> None:
    for kind in real_kinds():
        if kind.policy == Policy.OTHER and kind.enter_permission != kind.confirm_permission:
            both = {kind.enter_permission, kind.confirm_permission}
            assert [role for role in Role if both <= ROLE_PERMISSIONS[role]] == [], kind.name


def test_the_rights_that_lower_floors_ask_for_exist() -> None:
    asked = {value for name, value in vars(rights).items() if name.isupper()}
    assert asked <= {str(permission) for permission in Permission}


def real_kinds() -> list[Kind]:
    return [kind for kind in all_kinds() if not kind.name.startswith("test.")]


def test_every_kind_asks_for_rights_that_exist_and_has_words() -> None:
    assert len(real_kinds()) >= 6
    for kind in real_kinds():
        assert {kind.enter_permission, kind.confirm_permission} <= set(Permission), kind.name
        assert kind.policy in operation_words.POLICIES
    names = {kind.name for kind in real_kinds()}
    assert names == set(operation_words.OPERATION_KINDS) == set(operation_words.OPERATION_EFFECTS)


# -- words -------------------------------------------------------------------------------------------------------------

EVENT_FAMILIES = (
    "calendar",
    "planning",
    "operation",
    "schedule",
    "session",
    "inventory",
    "account",
    "breaker",
    "volume",
    "price",
    "member",
    "sign_on",
    "user",
    "tenant",
    "ledger",
    "resource",
    "redmine",
    "repository",
    "ticket",
    "access",
    "emergency",
    "review",
    "clock",
)
#: What a verdict, a refusal or an end is called with; its first word is a code that people will read.
CODED = {"Done", "Later", "Drop", "Fail", "Unknown", "Refused", "NotPermitted", "NotReauthenticated"}


def _texts(path: Path, first: int | None = None) -> Iterator[tuple[str, str]]:
    """(function called, text) of every plain text among the first arguments; a conditional gives both its texts."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for argument in node.args[:first]:
                for part in (
                    (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,)
                ):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield name, part.value


def event_kinds_in_code() -> set[str]:
    pattern = re.compile(rf"({'|'.join(EVENT_FAMILIES)})\.[a-z_]+")
    writers = {"record", "event_of", "EventDraft", "_turn_down", "_event"}
    paths = [path for app in ("medical_audit", "accounts", "infra", "redmine_sync") for path in sources(app)]
    named = {
        text for path in paths for name, text in _texts(path) if name in writers and pattern.fullmatch(text)
    }
    listed = {
        value
        for path in paths
        for value in _values(path)
        if pattern.fullmatch(value) and value.startswith("operation.")
    }
    return named | (listed - {str(permission) for permission in Permission})


def _values(path: Path) -> Iterator[str]:
    """Texts that stand as values of a table."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Dict):
            yield from (
                v.value for v in node.values if isinstance(v, ast.Constant) and isinstance(v.value, str)
            )


def test_every_event_in_the_code_has_words() -> None:
    kinds = event_kinds_in_code()
    assert len(kinds) >= 20
    assert kinds - set(event_words.EVENTS) == set()
    assert kinds - set(event_words.EVENT_KINDS) == set()


def test_every_code_in_the_code_has_words() -> None:
    paths = [path for app in APPS[1:] for path in sources(app)]
    codes = {
        text
        for path in paths
        for name, text in _texts(path)
        if name in CODED and re.fullmatch(r"[a-z_]+", text)
    }
    assert len(codes) >= 20
    assert codes - set(CODES) - set(ERRORS) == set()
