"""The control API under /_sim/: faults, trust, seeding and readings. Described in the package's docstring."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs

from config.simulator import fleet, organization, seed, wire
from config.simulator.app import Simulator
from config.simulator.generate import generate, plan_from_json
from config.simulator.model import Fleet, fleet_from_json
from config.simulator.trust import Trusted, make_roles
from config.simulator.wire import Answer

VERSION = "1"
_DEMO_DELAYS = {"ec2_start": [4, 8], "ec2_stop": [4, 8], "rds_start": [6, 8], "rds_stop": [5, 8]}
_DEMO_SLOW_MS = [3000, 5000]


class Refused(Exception):
    """A request the control API cannot serve."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """Answers requests to /_sim/<name>[/<id>]."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._routes: dict[tuple[str, str], Callable[[str, dict[str, str], Any], Any]] = {
            ("GET", "stats"): self._stats,
            ("GET", "counts"): self._counts,
            ("POST", "reset-counts"): self._reset_counts,
            ("GET", "journal"): self._journal,
            ("GET", "state"): self._state,
            ("GET", "faults"): lambda *_: [rule.to_json() for rule in simulator.faults.rules()],
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._remove_faults,
            ("GET", "buckets"): lambda *_: simulator.throttle.state(),
            ("POST", "buckets"): self._throttle,
            ("DELETE", "buckets"): self._unthrottle,
            ("GET", "delays"): lambda *_: simulator.world.delays.read(),
            ("POST", "delays"): self._delays,
            ("POST", "settle"): lambda _id, query, _body: {
                "settled": seed.settle(simulator.world, query.get("account"))
            },
            ("GET", "accounts"): lambda *_: simulator.trust.accounts(),
            ("GET", "sources"): lambda _id, query, _body: simulator.trust.sources(query["account"]),
            ("POST", "accounts"): self._register,
            ("DELETE", "accounts"): self._forget,
            ("POST", "trust"): self._strictness,
            ("POST", "marks"): self._mark,
            ("POST", "seed"): self._seed,
            ("POST", "demo"): self._demo,
            ("POST", "stack"): self._stack,
            ("POST", "organization"): self._organization,
        }

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """Answers with JSON, also when it refuses."""
        name, _, id = path.removeprefix("/_sim/").partition("/")
        try:
            route = self._routes.get((method, name))
            if route is None:
                raise Refused(404, f"no {method} /_sim/{name}")
            asked = {key: values[-1] for key, values in parse_qs(query).items()}
            return wire.as_json(route(id, asked, json.loads(body) if body else {}))
        except seed.AlreadyThere as problem:
            return wire.as_json({"error": str(problem)}, 409)
        except Refused as problem:
            return wire.as_json({"error": str(problem)}, problem.status)
        except (ValueError, TypeError, KeyError) as problem:
            return wire.as_json({"error": f"{type(problem).__name__}: {problem}"}, 400)

    def _stats(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        usage = os.times()
        return {
            "ready": True,
            "version": VERSION,
            "moto": version("moto"),
            "pid": os.getpid(),
            "rss_mb": _resident_mb(),
            "cpu_s": round(usage.user + usage.system, 2),
            "uptime_s": round(time.monotonic() - self.simulator.started, 2),
        }

    def _counts(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        return self.simulator.counts.read(query.get("account"), query.get("region"))

    def _reset_counts(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        self.simulator.counts.reset(query.get("account"))
        return {}

    def _journal(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        return self.simulator.journal.read(
            since=int(query.get("since", 0)),
            account=query.get("account"),
            action=query.get("action"),
            effective=query.get("effective") == "1",
            limit=int(query.get("limit", 10_000)),
        )

    def _state(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        return seed.census(query.get("account"), detail=query.get("detail") == "1")

    def _add_faults(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        rules = self.simulator.faults.add(body if isinstance(body, list) else [body])
        return [rule.to_json() for rule in rules]

    def _remove_faults(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        gone = self.simulator.faults.remove(id=id or None, account=query.get("account"))
        if id and not gone:
            raise Refused(404, f"no fault {id}")
        return [rule.to_json() for rule in gone]

    def _throttle(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        if body.get("preset", "aws") != "aws":
            raise ValueError("the only preset is 'aws'")
        self.simulator.throttle.switch_on(accounts=body.get("accounts"), custom=body.get("custom"))
        return self.simulator.throttle.state()

    def _unthrottle(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        self.simulator.throttle.switch_off(query.get("account"))
        return self.simulator.throttle.state()

    def _delays(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        values = dict(body)
        self.simulator.world.delays.set(account=values.pop("account", None), values=values)
        return self.simulator.world.delays.read()

    def _register(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        for raw in body if isinstance(body, list) else [body]:
            self.simulator.trust.register(Trusted(**raw))
        return self.simulator.trust.accounts()

    def _forget(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        if not id:
            raise Refused(400, "which account? DELETE /_sim/accounts/<account id>")
        self._empty(id)
        return {}

    def _empty(self, account_id: str) -> None:
        simulator = self.simulator
        simulator.trust.forget(account_id)
        simulator.faults.remove(account=account_id)
        simulator.throttle.switch_off(account_id)
        simulator.world.delays.forget(account_id)
        seed.forget(simulator.world, account_id)

    def _strictness(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        self.simulator.trust.strict = bool(body["strict"])
        return {"strict": self.simulator.trust.strict}

    def _organization(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        return {"accounts": organization.found(body["management"], body["name"], body["members"])}

    def _stack(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        """What a customer does with a template in CloudFormation (`accounts`: in StackSets), as far as it makes roles."""
        accounts = body["accounts"] if "accounts" in body else [body["account"]]
        return {"roles": [arn for one in accounts for arn in make_roles(one, body["template"])]}

    def _mark(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        values = dict(body)
        self.simulator.world.mark(values.pop("id"), **values)
        return {}

    def _seed(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        begun = time.monotonic()
        body = dict(body)
        accounts = [Trusted(**raw) for raw in body.pop("accounts", ())]
        made = Fleet()
        if "generate" in body:
            made = generate(plan_from_json(body.pop("generate")))
        listed = fleet_from_json(body)
        whole = Fleet(
            (*listed.servers, *made.servers),
            (*listed.volumes, *made.volumes),
            (*listed.databases, *made.databases),
            listed.clusters,
            listed.groups,
            listed.windows,
        )
        seed.plant(self.simulator.world, whole)
        for account in accounts:
            self.simulator.trust.register(account)
        return {
            "instances": [one.id for one in listed.servers],
            "volumes": [one.id for one in listed.volumes],
            "databases": [one.id for one in listed.databases],
            "clusters": [one.id for one in listed.clusters],
            "groups": [one.id for one in listed.groups],
            "counts": whole.counts(),
            "wall_s": round(time.monotonic() - begun, 3),
            "rss_mb": _resident_mb(),
        }

    def _demo(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        begun = time.monotonic()
        at = datetime.fromisoformat(body["at"])
        demo = fleet.demo_fleet(at)
        simulator = self.simulator
        for account in fleet.ACCOUNTS:
            self._empty(account.account_id)
            simulator.world.delays.set(body.get("delays", _DEMO_DELAYS), account.account_id)
            simulator.trust.register(
                Trusted(
                    account.account_id,
                    account.role_arn,
                    account.external_id,
                    account.behaviour == fleet.REFUSED,
                )
            )
            if account.behaviour == fleet.SLOW:
                simulator.faults.add(
                    [
                        {
                            "id": f"demo-slow-{account.account_id}",
                            "match": {"account": account.account_id, "service": "ec2|rds"},
                            "latency_ms": body.get("slow_ms", _DEMO_SLOW_MS),
                        }
                    ]
                )
        seed.plant(simulator.world, demo)
        manager = fleet.ACCOUNTS[0]
        organization.found(manager.account_id, manager.name, fleet.ORGANIZATION)
        return {
            "at": fleet.minute(at).isoformat(),
            "accounts": len(fleet.ACCOUNTS),
            "counts": demo.counts(),
            "due": fleet.due_by_tag(demo, at),
            "wall_s": round(time.monotonic() - begun, 3),
        }


def _resident_mb() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))
