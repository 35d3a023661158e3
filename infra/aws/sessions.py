"""Act in a customer's account: assume its role, remember the credentials, share the clients.

A botocore client costs 6 to 24 MB and up to a quarter of a second, so there is one per (service, region) for
all accounts. Whose right a call uses is a context variable that is read at the moment of signing.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import botocore.session
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials, ReadOnlyCredentials

from infra.aws.config import Config
from infra.domain.aws import AwsError, Problem, Target

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.client import AutoScalingClient
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_ssm.client import SSMClient
    from mypy_boto3_sts.client import STSClient

ClientT = TypeVar("ClientT")


@dataclass(frozen=True, slots=True)
class Service(Generic[ClientT]):
    """Tie a service's name to the type of its client."""

    name: str


EC2: Service[EC2Client] = Service("ec2")
RDS: Service[RDSClient] = Service("rds")
AUTOSCALING: Service[AutoScalingClient] = Service("autoscaling")
SSM: Service[SSMClient] = Service("ssm")
STS: Service[STSClient] = Service("sts")
QUOTAS: Service[Any] = Service("service-quotas")
ORGANIZATIONS: Service[Any] = Service("organizations")

ROLE_SECONDS = 3600
#: So many sessions are kept before those that are over are looked for.
KEPT_AT_LEAST = 256
_RENEW_BEFORE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """What STS gave for one role. Only the expiry shows in repr."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime


_acting: ContextVar[RoleCredentials] = ContextVar("toban_aws_credentials")


@contextmanager
def acting_as(credentials: RoleCredentials) -> Iterator[None]:
    """Sign every call of this thread of control with these credentials."""
    token = _acting.set(credentials)
    try:
        yield
    finally:
        _acting.reset(token)


class _ActingCredentials(Credentials):
    """Hand the signer whatever `acting_as` set; LookupError outside of it, never somebody else's right."""

    def __init__(self) -> None:
        super().__init__("acting", "acting", method="toban-role")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        acting = _acting.get()
        return ReadOnlyCredentials(acting.access_key, acting.secret_key, acting.session_token)


class Clients:
    """Make and keep one client per service and region, for calls in a role and for calls of our own."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._own = botocore.session.Session()
        self._in_role = botocore.session.Session()
        # The public set_credentials() takes fixed keys only; tests/infra/aws hold botocore to this attribute.
        vars(self._in_role)["_credentials"] = _ActingCredentials()
        # At DEBUG botocore writes every request and answer, STS's with its secrets, to the log.
        logging.getLogger("botocore").setLevel(logging.INFO)

    def in_role(self, service: Service[ClientT], region: str) -> ClientT:
        """Give the client whose calls are signed by `acting_as`."""
        return cast(ClientT, self._client(service.name, region, own=False))

    def own_sts(self) -> STSClient:
        """Give the STS client that uses this installation's own credentials, to assume roles with."""
        return cast("STSClient", self._client("sts", self._config.sts_region, own=True))

    def _client(self, service: str, region: str, *, own: bool) -> Any:
        key = (service, region, own)
        client = self._clients.get(key)
        if client is None:
            with self._lock:  # botocore sessions are not thread-safe; the clients they make are
                client = self._clients.get(key)
                if client is None:
                    client = self._clients[key] = self._make(service, region, own=own)
        return client

    def _make(self, service: str, region: str, *, own: bool) -> Any:
        session = self._own if own else self._in_role
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=self._config.endpoint_url or None,
            config=BotoConfig(
                connect_timeout=self._config.connect_timeout_s,
                read_timeout=self._config.read_timeout_s,
                max_pool_connections=self._config.max_pool_connections,
                # botocore repeats every 5xx, even of mutations and of InsufficientInstanceCapacity.
                retries={"total_max_attempts": 1, "mode": "standard"},
                tcp_keepalive=True,
            ),
        )


def _key_of(target: Target) -> tuple[object, ...]:
    """Tenant and source are part of it: the session in the customer's CloudTrail must carry the right names. So is what a session is
    narrowed to: one for three servers must never serve a fourth."""
    return (
        target.tenant_id, target.account_id, target.role_arn, target.external_id, target.source, target.policy,
    )  # fmt: skip


class CredentialCache:
    """Keep role credentials until shortly before they expire, and ask only once at a time for each role."""

    def __init__(
        self,
        assume: Callable[[Target], RoleCredentials],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._assume = assume
        self._now = now
        self._lock = threading.Lock()
        self._asked: dict[tuple[object, ...], Future[RoleCredentials]] = {}
        self._look_at = KEPT_AT_LEAST

    def get(self, target: Target, *, stale: RoleCredentials | None = None) -> RoleCredentials:
        """Give credentials for the target's role; `stale` are ones that AWS has just called expired.

        Whoever comes while they are being fetched waits for the same answer, or the same AwsError.
        """
        key = _key_of(target)
        with self._lock:
            self._drop_spent()
            known = self._asked.get(key)
            mine = known is None or self._is_spent(known, stale)
            future: Future[RoleCredentials] = Future() if known is None or mine else known
            self._asked[key] = future
        if mine:
            try:
                future.set_result(self._assume(target))
            except BaseException as exc:
                future.set_exception(exc if isinstance(exc, AwsError) else _interrupted(exc))
                raise
        try:
            return future.result()
        except AwsError as error:
            raise copy.copy(error) from None  # many threads may raise it; each needs a traceback of its own

    def forget(self, target: Target) -> None:
        """Ask anew for the target's role next time, whatever is kept or just being fetched."""
        with self._lock:
            self._asked.pop(_key_of(target), None)

    def _drop_spent(self) -> None:
        """Narrowed sessions are many and used once: those that are over must not pile up. The caller holds the lock."""
        if len(self._asked) >= self._look_at:
            self._asked = {key: one for key, one in self._asked.items() if not self._is_spent(one, None)}
            self._look_at = max(KEPT_AT_LEAST, 2 * len(self._asked))

    def _is_spent(self, future: Future[RoleCredentials], stale: RoleCredentials | None) -> bool:
        if not future.done():
            return False
        if future.exception() is not None:
            return True
        credentials = future.result()
        return credentials is stale or credentials.expires_at - self._now() <= _RENEW_BEFORE


def _interrupted(exc: BaseException) -> AwsError:
    """Release those who wait for credentials when the fetching thread was stopped (a worker's time limit)."""
    return AwsError(
        Problem.UNREACHABLE,
        action="sts:AssumeRole",
        message="another call that was fetching the credentials was stopped",
        code=type(exc).__name__,
    )
