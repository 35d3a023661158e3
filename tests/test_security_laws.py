"""Laws of security that no ready-made rule knows, read from the sources. Those about the shape of the code stand in config/semgrep.yml;
ruff's S rules and bandit hold besides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.urls import get_resolver

from config.console import semgrep
from tests.routes import routes
from tests.test_laws import APPS, ROOT, name_of, sources, tree

NETWORK = re.compile(
    r"^(socket|ssl|smtplib|ftplib|http\.client|urllib\.request|urllib3|requests|httpx|aiohttp)(\.|$)"
)
#: Reviewed: who talks to a network, and how it is kept within bounds.
GATEWAYS = {
    "accounts/deadline.py": "ends a connection when its time is over; opens none",
    "accounts/identity.py": "the tenant's identity provider, no redirects, bounded, public addresses",
    "accounts/mail.py": "the mail server of the settings",
    "accounts/outside.py": "addresses that tenants name: judged, pinned, bounded",
    "config/demo.py": "this machine's own simulator",
    "config/embedded.py": "a free port of this machine",
    "config/stack.py": "this machine's own stack",
    "infra/dialing.py": "databases of the tenant's account, at addresses that a VPC can have",
    "infra/handshake.py": "databases of the tenant's account, TLS handshake only",
    "infra/probe.py": "databases of the tenant's account, four seconds a try",
    "medical_audit/anchors/syslog.py": "receivers of the settings",
    "medical_audit/anchors/timestamps.py": "the authority of the settings",
    "medical_audit/management/commands/audit_seal.py": "the name of this machine",
    "medical_audit/tasks.py": "the name of this machine",
    "medical_audit/time_source.py": "the time server of the settings",
    "redmine_sync/redmine/commits.py": "the tenant's Redmine, no redirects, bounded",
    "redmine_sync/redmine/session.py": "the same",
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_only_gateways_talk_to_a_network() -> None:
    found = {
        name_of(path)
        for path in sources(*APPS)
        if not path.is_relative_to(ROOT / "config" / "simulator")
        and not path.is_relative_to(ROOT / "config" / "console")
        and any(NETWORK.match(name) for name in imported(path))
    }
    assert found == set(GATEWAYS)


def test_no_page_is_let_off_its_csrf_token_but_what_other_programs_send() -> None:
    exempt = {
        name
        for name, pattern in routes(get_resolver().url_patterns)
        if getattr(pattern.callback, "csrf_exempt", False) and not name.startswith(("api:", "api-"))
    }
    assert exempt == {"accounts:sign-on-ended", "hooks:githook", "hooks:github_hook", "hooks:redminehook"}


#: Reviewed: who makes a hash of a password. Whoever sets one for a person asks first what he may choose.
HASHERS = {
    "accounts/backends.py:authenticate": "hashes for nobody, so that an unknown name takes as long",
    "accounts/operations/erasing.py:_close": "no password at all",
    "accounts/operations/links.py:_choose": "asks refuse_weak",
    "accounts/operations/members.py:apply_invite": "no password at all",
    "accounts/operations/people.py:make_user": "of the demo, of tests, and of founding, which asks refuse_weak",
    "accounts/operations/second_factor.py:_new_codes": "codes on paper, which nobody chose",
    "accounts/operations/signing.py:change_password": "asks refuse_weak",
}


def test_no_password_is_set_without_asking_what_one_may_choose() -> None:
    found: dict[str, set[str]] = {}
    for path in sources(*APPS):
        for function in (one for one in ast.walk(tree(path)) if isinstance(one, ast.FunctionDef)):
            called = {one.func.id for one in ast.walk(function)
                      if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}  # fmt: skip
            if "make_password" in called:
                found[f"{name_of(path)}:{function.name}"] = called
    assert found.keys() == HASHERS.keys()
    asking = {place for place, why in HASHERS.items() if why == "asks refuse_weak"}
    assert all("refuse_weak" in found[place] for place in asking)


def test_a_password_field_hides_what_is_typed_and_hinders_no_password_manager() -> None:
    for path in (
        one
        for app in ("accounts", "medical_audit", "_components")
        for one in (ROOT / "templates" / app).rglob("*.html")
    ):
        for tag in re.findall(r"<input\b[^>]*>", path.read_text(encoding="utf-8")):
            if re.search(r'name="(password|again|current)"', tag):
                assert 'type="password"' in tag, (path, tag)
                assert re.search(r'autocomplete="(current|new)-password"', tag), (path, tag)
                assert "readonly" not in tag, (path, tag)
    for path in (ROOT / "static" / "toban").rglob("*.js"):
        assert not re.search(r"[\"']paste[\"']|onpaste", path.read_text(encoding="utf-8")), path


def test_every_rule_of_semgrep_says_why_shows_both_sides_and_lets_off_only_what_is_there() -> None:
    """That each finds its bad sample and not its good one is proven by `./toban check semgrep`."""
    names = [rule["id"] for rule in semgrep.rules()]
    assert len(names) == len(set(names)) >= 15
    for rule in semgrep.rules():
        assert rule["message"].endswith("."), rule["id"]
        assert set(rule["metadata"]) == {"at", "bad", "good"}, rule["id"]
        for place in rule.get("paths", {}).get("exclude", ()):
            assert "*" in place or (ROOT / place).is_file(), (rule["id"], place)
    written = semgrep.RULES.read_text(encoding="utf-8")
    let_off = re.findall(r"exclude:\n((?: {8}- .*\n)+)", written)
    assert all(" # " in line for block in let_off for line in block.splitlines())
