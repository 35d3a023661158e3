"""One request from the outside in: counted, perhaps made to fail, applied by moto, written down."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from config.simulator import (
    certificates,
    clusters,
    copies,
    databases,
    groups,
    makings,
    organization,
    pages,
    rules,
    speed,
    states,
    volumes,
    windows,
    wire,
)
from config.simulator.buckets import Throttle
from config.simulator.counts import Counts
from config.simulator.faults import FaultBook, Rule
from config.simulator.identify import Call, identify
from config.simulator.journal import Journal
from config.simulator.sessions import Sessions
from config.simulator.trust import Trust
from config.simulator.wire import Answer, ConnectionLost
from config.simulator.world import World

_SERVICES = ("ec2", "rds", "sts", "autoscaling", "ssm")
# AWS's own limit of how long it thinks about a call; a held or hanging call ends some day.
_LONGEST_HOLD_S = 600


class Simulator:
    """The AWS side of the simulator; `control` holds the other side."""

    def __init__(self, state_dir: Path | None = None) -> None:
        self.started, self.state_dir = time.monotonic(), state_dir
        self.journal = Journal(state_dir / "journal.jsonl" if state_dir else None)
        self.world = World(self.journal)
        self.counts = Counts()
        self.faults = FaultBook()
        self.throttle = Throttle()
        self.trust = Trust()
        self.sessions = Sessions()
        speed.install()
        pages.install()
        volumes.install(self.world)
        states.install(self.world)
        databases.install(self.world)
        certificates.install(self.world)
        makings.install(self.world)
        copies.install(self.world)
        rules.install()
        clusters.install(self.world)
        groups.install(self.world)
        windows.install(self.world)
        self._moto = DomainDispatcherApplication(create_backend_app)

    def warm_up(self) -> None:
        """Loads the services in use, so that the first caller does not wait for it."""
        for service in _SERVICES:
            credential = (
                f"AWS4-HMAC-SHA256 Credential=toban/20260101/ap-northeast-1/{service}/aws4_request, x"
            )
            self._moto.get_application({"PATH_INFO": "/", "HTTP_AUTHORIZATION": credential})

    def answer(self, environ: dict[str, Any]) -> Answer:
        """Answers one AWS request. Raises ConnectionLost when the client is to get no answer."""
        call = identify(environ)
        self.counts.add(call)
        rule = self.faults.take(call)
        early = self._fault_before(call, rule) if rule else None
        early = early or self._refusal(call)
        if early:
            if call.mutates:
                self.journal.refused(call, early.code or "answered by a rule")
            if early.code:
                self.counts.add_error(call, early.code)
            return early
        answer = self._apply(call, environ, lost=bool(rule and rule.apply_then_lose))
        if answer.code:
            self.counts.add_error(call, answer.code)
        if rule:
            self._fault_after(call, rule)
        return answer

    def _fault_before(self, call: Call, rule: Rule) -> Answer | None:
        rule.delay()
        if rule.hold == "before":
            rule.wait_for_removal(_LONGEST_HOLD_S)
        if rule.apply_then_lose:
            return None
        if rule.reset or rule.hang_s:
            if rule.hang_s:
                rule.wait_for_removal(rule.hang_s)
            self._lose(call, "hang" if rule.hang_s else "reset", applied=False)
        if rule.code:
            return wire.error(call, rule.code, rule.message, rule.status)
        if rule.answer is not None:
            return wire.plain(rule.answer.encode(), rule.content_type, rule.status or 200)
        return None

    def _fault_after(self, call: Call, rule: Rule) -> None:
        if rule.hold == "after":
            rule.wait_for_removal(_LONGEST_HOLD_S)
        if rule.apply_then_lose:
            if rule.hang_s:
                rule.wait_for_removal(rule.hang_s)
            self._lose(call, "lost", applied=True)

    def _lose(self, call: Call, why: str, *, applied: bool) -> None:
        self.counts.add_error(call, why)
        if call.mutates and not applied:
            self.journal.refused(call, why, answered=False)
        raise ConnectionLost(why)

    def _refusal(self, call: Call) -> Answer | None:
        if self.throttle.refuses(call):
            return wire.error(call, self.throttle.code(call))
        if call.action == "AssumeRole":
            objection = self.trust.objection(call)
            if objection:
                return wire.error(call, "AccessDenied", objection)
        denied = self.sessions.objection(call) or organization.objection(call)
        return wire.error(call, *denied) if denied else None

    def _apply(self, call: Call, environ: dict[str, Any], *, lost: bool) -> Answer:
        if not call.mutates:
            answer = self._ask_moto(call, environ)
            self.sessions.remember(call, answer)
            return answer
        with self.journal.writing(call) as entry:
            answer = self._ask_moto(call, environ)
            self.journal.finish(entry, answer)
            entry.answered = not lost
            return answer

    def _ask_moto(self, call: Call, environ: dict[str, Any]) -> Answer:
        got: dict[str, Any] = {}

        def start_response(status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> Any:
            got["status"], got["headers"] = int(status.split(" ", 1)[0]), tuple(headers)
            return lambda data: None

        try:
            body = b"".join(self._moto(environ, start_response))
        except states.NoCapacity as problem:
            return wire.error(call, "InsufficientInstanceCapacity", str(problem))
        except NotImplementedError as problem:
            # moto would answer with a page of HTML, which no AWS client can read.
            return wire.error(call, "InvalidAction", f"The simulator does not know this: {problem}")
        except Exception:  # noqa: BLE001 - a fault of moto's reaches the caller as AWS would put it
            traceback.print_exc(file=sys.stderr)
            return wire.error(call, "InternalError")
        return wire.with_request_id(got["status"], got["headers"], body)
