"""Send one call: credentials, turn, lease, send, named error, count. All doors of this package lead here."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from infra.aws import answers, metrics
from infra.aws.config import Config, get_config
from infra.aws.errors import EXPIRED_CODES, translate
from infra.aws.pacing import Pacer, make_pacer
from infra.aws.sessions import (
    ROLE_SECONDS,
    Clients,
    ClientT,
    CredentialCache,
    RoleCredentials,
    Service,
    acting_as,
)
from infra.domain.aws import AwsError, LeaseLost, Problem, Target
from infra.domain.features import ALWAYS
from infra.domain.session_policy import session_policies

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

logger = logging.getLogger(__name__)

AnswerT = TypeVar("AnswerT")
StillOurs = Callable[[], bool]

_READ_ATTEMPTS = 3
_READ_BACKOFF_S = 0.25
_READ_BACKOFF_MAX_S = 4.0


@dataclass(frozen=True, slots=True)
class Call(Generic[ClientT]):
    """Name one kind of call. member: what every true answer to it holds."""

    service: Service[ClientT]
    target: Target
    action: str
    member: str = ""

    @property
    def full(self) -> str:
        """Give the name as policies write it, "ec2:StartInstances"."""
        return f"{self.service.name}:{self.action}"


class Gateway:
    """Hold what all calls of a process share. Safe for threads."""

    def __init__(
        self, config: Config, *, pacer: Pacer | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.config = config
        self.clients = Clients(config)
        self.pacer = pacer or make_pacer(config)
        self.credentials = CredentialCache(self._assume)
        self.throttles = answers.Throttles(config.redis_url)
        self._sleep = sleep

    def read(self, call: Call[ClientT], send: Callable[[ClientT], AnswerT]) -> AnswerT:
        """Make a call that changes nothing, in the role that only looks; repeats it where that may help. Raises AwsError.

        A read that timed out is not repeated: an account that hangs must not hold a worker for a minute.
        """
        looking = replace(call, target=call.target.reading)
        return self._repeating(call.full, lambda: self._send(looking, send))

    def pages(self, call: Call[ClientT], send: Callable[[ClientT, str], AnswerT]) -> Iterator[AnswerT]:
        """Make a call that changes nothing page by page; each page waits its turn and is repeated by itself.

        send: takes the token of the page, "" for the first.
        """

        def page(token: str) -> AnswerT:
            return self.read(call, lambda client: send(client, token))

        token = ""
        while True:
            answer = page(token)
            yield answer
            fields = cast(Mapping[str, Any], answer)
            token = fields.get("NextToken") or fields.get("Marker") or ""
            if not token:
                return

    def mutate(
        self,
        call: Call[ClientT],
        send: Callable[[ClientT], AnswerT],
        *,
        ids: Sequence[str],
        still_ours: StillOurs | None,
        beside: Mapping[str, str] | None = None,
        tag_keys: Iterable[str] = (),
    ) -> AnswerT:
        """Change something, once, in a session that may do no more than this; beside: what the call is about besides its ids, by kind,
        tag_keys: what a call that tags is narrowed by (infra.domain.session_policy). Raises AwsError, and LeaseLost before a send that
        is not ours."""
        target = call.target
        if target.observed and call.full not in ALWAYS:
            raise AwsError(
                Problem.ONLY_OBSERVED, action=call.full, code="OnlyObserved",
                message=f"nothing may be changed in account {target.account_id}: its automation was never switched on",
            )  # fmt: skip
        if target.left and call.full not in ALWAYS:
            raise AwsError(
                Problem.REGION_OFF, action=call.full, code="RegionOff",
                message=f"nothing may be changed in {target.region} of account {target.account_id}: Toban does not look there",
            )  # fmt: skip
        if target.allowed is not None and call.full not in target.allowed:
            raise AwsError(
                Problem.FEATURE_OFF, action=call.full, code="FeatureOff",
                message=f"{call.full} belongs to no feature that is in force in account {target.account_id}",
            )  # fmt: skip
        policies = session_policies(
            call.full, ids, account_id=target.account_id, region=target.region, role_arn=target.role_arn,
            managed_only=target.managed_only, beside=beside, tag_keys=tag_keys,
        )  # fmt: skip
        for policy in policies:
            narrowed = replace(call, target=replace(target, policy=policy))
            try:
                return self._send(narrowed, send, ids=ids, still_ours=still_ours)
            except AwsError as error:
                # STS packs a policy before it measures it a second time; nothing was sent yet.
                if not error.code.startswith("PackedPolicyTooLarge") or policy == policies[-1]:
                    raise
        raise AssertionError("unreachable")

    def _send(
        self,
        call: Call[ClientT],
        send: Callable[[ClientT], AnswerT],
        *,
        ids: Sequence[str] = (),
        still_ours: StillOurs | None = None,
    ) -> AnswerT:
        target, full = call.target, call.full

        def attempt() -> AnswerT:
            answer = send(self.clients.in_role(call.service, target.region))
            _check_answer(cast(Mapping[str, Any], answer), call)
            return answer

        def once(credentials: RoleCredentials) -> AnswerT:
            self.pacer.wait_turn(target.account_id, target.region, full, resources=max(1, len(ids)))
            if still_ours is not None and not still_ours():
                raise LeaseLost(full)
            with acting_as(credentials):
                return _measured(target, full, attempt, ids=ids)

        credentials = self.credentials.get(target)
        try:
            try:
                return once(credentials)
            except AwsError as error:
                if error.code not in EXPIRED_CODES:
                    raise
            # Refused for the credentials alone, so it was not applied.
            return once(self.credentials.get(target, stale=credentials))
        except AwsError as error:
            if error.problem is Problem.THROTTLED and error.action == full and error.retry_after_s is None:
                error.retry_after_s = self.pacer.throttled(target.account_id, target.region, full)
                self.throttles.note(target.account_id, target.region)
            raise

    def _assume(self, target: Target) -> RoleCredentials:
        return self.assume(target, target.external_id)

    def assume(self, target: Target, external_id: str | None) -> RoleCredentials:
        """Ask STS for the target's role with an ExternalId, or with none. No pacing: once an hour and role. Raises AwsError."""
        request: AssumeRoleRequestTypeDef = {
            "RoleArn": target.role_arn,
            "RoleSessionName": f"toban-{target.tenant_id.hex[:12]}",
            "SourceIdentity": target.source,
            "DurationSeconds": ROLE_SECONDS,
        }
        if external_id is not None:
            request["ExternalId"] = external_id
        if target.policy:
            request["Policy"] = target.policy

        def ask() -> RoleCredentials:
            answer = self.clients.own_sts().assume_role(**request)
            given = answer["Credentials"]
            return RoleCredentials(
                given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"]
            )

        if f":{target.account_id}:" not in target.role_arn:
            raise AwsError(
                Problem.INVALID,
                action="sts:AssumeRole",
                message=f"the role {target.role_arn} is not one of account {target.account_id}",
                code="RoleOfOtherAccount",
            )
        return self._repeating("sts:AssumeRole", lambda: _measured(target, "sts:AssumeRole", ask))

    def _repeating(self, full: str, attempt: Callable[[], AnswerT]) -> AnswerT:
        """Repeat what failed in the call itself; signing in before it has had its own repetitions."""
        for attempts_left in reversed(range(_READ_ATTEMPTS)):
            try:
                return attempt()
            except AwsError as error:
                if not attempts_left or error.action != full or not _worth_repeating(error):
                    raise
                longest = min(
                    _READ_BACKOFF_MAX_S, _READ_BACKOFF_S * 4 ** (_READ_ATTEMPTS - 1 - attempts_left)
                )
                # Full jitter, so that workers do not come back together.
                self._sleep(random.uniform(0, longest))  # noqa: S311 - not a secret
        raise AssertionError("unreachable")


def _check_answer(answer: Mapping[str, Any], call: Call[Any]) -> None:
    """Refuse what is no answer of AWS: botocore reads a proxy's page as an answer in which everything is absent."""
    request_id = answer["ResponseMetadata"].get("RequestId", "")
    if request_id and (not call.member or call.member in answer):
        return
    raise AwsError(
        Problem.NO_ANSWER,
        action=call.full,
        message="what came back is no answer of AWS",
        code="NotAnAnswer",
        request_id=request_id,
    )


def _worth_repeating(error: AwsError) -> bool:
    if error.code in {"PacedByToban", "ReadTimeoutError"}:
        return False
    return error.problem in {Problem.THROTTLED, Problem.UNREACHABLE, Problem.NO_ANSWER}


def _measured(target: Target, full: str, call: Callable[[], AnswerT], *, ids: Sequence[str] = ()) -> AnswerT:
    """Make the call, count it, time it, and name what goes wrong."""
    service, _, name = full.partition(":")
    began = time.perf_counter()
    outcome = "interrupted"
    try:
        answer = call()
        outcome = "ok"
        return answer
    except Exception as exc:  # noqa: BLE001 - whatever it is, the caller must learn whether it may have been sent
        error = translate(exc, action=full, asked=ids, secret=target.external_id)
        outcome = error.problem.value
        logger.info(
            "aws refused or failed: %s account=%s region=%s problem=%s code=%s request_id=%s",
            full, target.account_id, target.region, outcome, error.code, error.request_id,
        )  # fmt: skip
        # The cause is not chained: its text is not cleaned, and all that matters of it is in the error.
        raise error from None
    finally:
        took = time.perf_counter() - began
        metrics.CALLS.labels(service, name, outcome).inc()
        metrics.SECONDS.labels(service, name).observe(took)
        answers.tell(full, took)


class _Process:
    """What this process uses: a gateway made from the settings, unless one was chosen."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start from nothing."""
        self.lock = threading.Lock()
        self.made: Gateway | None = None
        self.chosen: Gateway | None = None


_process = _Process()


def current() -> Gateway:
    """Give the process's gateway, made anew when the settings have changed."""
    if _process.chosen is not None:
        return _process.chosen
    config = get_config()
    with _process.lock:
        if _process.made is None or _process.made.config != config:
            _process.made = Gateway(config)
        return _process.made


@contextmanager
def using(gateway: Gateway) -> Iterator[None]:
    """Make this the gateway of the whole process for a while: for tools and tests with their own endpoint."""
    before, _process.chosen = _process.chosen, gateway
    try:
        yield
    finally:
        _process.chosen = before


# Connections and locks of a parent must not be used by its children.
os.register_at_fork(after_in_child=_process.forget)
