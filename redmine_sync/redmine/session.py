"""The way to a Redmine: deadlines, no redirects, bounded answers, named errors; python-redmine runs over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import requests
from django.conf import settings
from redminelib.engines import SyncEngine
from redminelib.exceptions import BaseRedmineError

from accounts.deadline import Adapter, deadline
from redmine_sync.domain.problems import (
    Broken,
    Busy,
    Forbidden,
    Invalid,
    KeyRefused,
    Missing,
    NoAnswer,
    NotRedmine,
    RedmineError,
    Unreachable,
)

CONNECT_S = 3.05
DEADLINE_S = 30.0
BYTES_MAX = 5_000_000
#: The greatest number of a column of ours, and of one that counts changes.
INT_MAX, BIG_MAX = 2**31 - 1, 2**63 - 1
_NO_CONTENT = 204


class Session(requests.Session):
    """Deadline, no redirects, bounded answers; the environment's proxies and .netrc are not looked at."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        super().__init__()
        self.deadline_s = deadline_s
        self.trust_env = False
        for scheme in ("http://", "https://"):
            self.mount(scheme, Adapter())
        self.verify = settings.CA_BUNDLE or True

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs |= {"timeout": (CONNECT_S, self.deadline_s), "allow_redirects": False, "stream": True}
        with deadline(self.deadline_s) as watch:
            try:
                answer = self._ask(method, url, *args, **kwargs)
            except RedmineError as error:
                if watch.over:
                    raise NoAnswer("deadline") from error
                raise
            if watch.over:
                raise NoAnswer("deadline")
        return answer

    def _ask(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            answer = super().request(method, url, *args, **kwargs)
            _read_bounded(answer)
        except requests.exceptions.SSLError as error:
            raise Unreachable(type(error).__name__, code="redmine_certificate") from error
        except requests.exceptions.ConnectTimeout as error:
            raise Unreachable(type(error).__name__) from error
        except requests.exceptions.ConnectionError as error:
            # Only what failed while connecting is known not to have been sent.
            if _never_connected(error):
                raise Unreachable(type(error).__name__) from error
            raise NoAnswer(type(error).__name__) from error
        except requests.RequestException as error:
            raise NoAnswer(type(error).__name__) from error
        return answer


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def _read_bounded(answer: requests.Response) -> None:
    """Read the whole body, or raise."""
    parts, length = [], 0
    for part in answer.iter_content(65536):
        parts.append(part)
        length += len(part)
        if length > BYTES_MAX:
            answer.close()
            raise NotRedmine(f"more than {BYTES_MAX} bytes")
    answer._content = b"".join(parts)


class Engine(SyncEngine):
    """python-redmine's engine with our session and our errors."""

    @staticmethod
    def create_session(**params: Any) -> requests.Session:
        session = Session()
        session.headers.update(params.get("headers", {}))
        session.headers["Accept"] = "application/json"
        return session

    def process_response(self, response: requests.Response) -> Any:
        status = response.status_code
        if status in (200, 201, _NO_CONTENT):
            return self._body(response)
        refuse_page(response)
        known = {401: KeyRefused, 403: Forbidden, 404: Missing, 500: Broken}.get(status)
        if known is not None:
            raise known(str(status))
        if status in (429, 502, 503, 504):
            raise Busy(str(status))
        if 400 <= status < 500:
            raise Invalid(refusals(response) or str(status))
        raise NotRedmine(f"HTTP {status}")

    @staticmethod
    def _body(response: requests.Response) -> Any:
        if not response.content.strip():
            return True
        return read_json(response)


def read_json(response: requests.Response) -> Any:
    """What it says, without letters that a database does not take. Raises NotRedmine."""
    try:
        return _storable(response.json())
    except (ValueError, RecursionError) as error:
        raise NotRedmine("no JSON") from error


def _storable(said: Any) -> Any:
    """Text without NUL and halves of letters, at any depth."""
    if isinstance(said, str):
        return (
            said.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
            if not said.isprintable()
            else said
        )
    if isinstance(said, list):
        return [_storable(one) for one in said]
    if isinstance(said, dict):
        return {name: _storable(one) for name, one in said.items()}
    return said


def refuse_page(response: requests.Response) -> None:
    """Redmine itself refuses a call of its API without a page for people: such a page is a proxy's, and says nothing about what
    was asked. Raises NotRedmine."""
    shown = response.headers.get("Content-Type", "").startswith("text/html") and response.content.strip()
    if shown and 400 <= response.status_code < 500:
        raise NotRedmine(f"HTTP {response.status_code} with a page")


def refusals(response: requests.Response) -> str:
    """What a 422 says, for a person to read; nothing is decided by it."""
    try:
        said = response.json()["errors"]
        return "; ".join(str(one) for one in said)
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def whole(said: Any, most: int = INT_MAX) -> int:
    """A number that our tables take. Raises ValueError, TypeError, OverflowError."""
    number = int(said)
    if not 0 <= number <= most:
        raise ValueError("out of range")
    return number


Found = TypeVar("Found")


def shaped(build: Callable[[], Found]) -> Found:
    """What the answer lacks, or holds in another form, means that no Redmine answered."""
    try:
        return build()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise NotRedmine(type(error).__name__) from error
    except BaseRedmineError as error:
        raise NotRedmine(type(error).__name__) from error
