"""Answers in AWS's wire formats, and the way to lose one: cut the TCP connection."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import uuid
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from config.simulator.identify import Call

# AWS error code -> (HTTP status, AWS's own sentence). Any other code may be used with a message of one's own.
ERRORS: dict[str, tuple[int, str]] = {
    "RequestLimitExceeded": (503, "Request limit exceeded."),
    "Throttling": (400, "Rate exceeded"),
    "ThrottlingException": (400, "Rate exceeded"),
    "UnauthorizedOperation": (403, "You are not authorized to perform this operation."),
    "AccessDenied": (403, "User is not authorized to perform this action"),
    "AuthFailure": (401, "AWS was not able to validate the provided access credentials"),
    "ExpiredToken": (403, "The security token included in the request is expired"),
    "RequestExpired": (400, "Request has expired."),
    "InvalidClientTokenId": (403, "The security token included in the request is invalid."),
    "InsufficientInstanceCapacity": (
        500,
        "We currently do not have sufficient capacity in the Availability Zone you requested.",
    ),
    "InsufficientDBInstanceCapacity": (
        400,
        "Specified DB instance class is not available in the specified Availability Zone.",
    ),
    "IncorrectInstanceState": (400, "The instance is not in a state from which it can be started."),
    "InvalidDBInstanceState": (400, "Instance is not in available state."),
    "InternalError": (500, "An internal error has occurred"),
    "InternalFailure": (500, "The request processing has failed because of an unknown error."),
    "ServiceUnavailable": (503, "Service is unavailable"),
    "Unavailable": (503, "The server is overloaded and can't handle the request."),
}
_CODE = re.compile(rb"<Code>([^<]+)</Code>")
_IN_BODY = re.compile(rb"(<[Rr]equest(?:Id|ID)>)[^<]*(</[Rr]equest(?:Id|ID)>)")


class ConnectionLost(Exception):
    """The client gets no answer: its connection is reset."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def code(self) -> str | None:
        """AWS's error code, None for success."""
        if self.status < 400:
            return None
        found = _CODE.search(self.body)
        if found:
            return found.group(1).decode("utf-8", "replace")
        try:
            return str(json.loads(self.body)["__type"]).rsplit("#", 1)[-1]
        except (ValueError, KeyError, TypeError):
            return f"HTTP {self.status}"

    @property
    def request_id(self) -> str:
        """The id the client will see, empty if the answer has none."""
        return next((value for name, value in self.headers if name.lower() == "x-amzn-requestid"), "")


def plain(body: bytes, content_type: str, status: int = 200, request_id: str | None = None) -> Answer:
    """An answer with its length and a request id in the headers."""
    headers = (
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", request_id or str(uuid.uuid4())),
    )
    return Answer(status, headers, body)


def with_request_id(status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> Answer:
    """moto's answer with a request id of its own, the same in the body and in the headers."""
    request_id = str(uuid.uuid4())
    kept = tuple(pair for pair in headers if pair[0].lower() not in ("x-amzn-requestid", "x-amz-request-id"))
    body = _IN_BODY.sub(rb"\g<1>" + request_id.encode() + rb"\g<2>", body)
    return Answer(status, (*kept, ("x-amzn-RequestId", request_id)), body)


def as_json(value: Any, status: int = 200) -> Answer:
    """An answer of the control API."""
    return plain(json.dumps(value, ensure_ascii=False).encode(), "application/json; charset=utf-8", status)


def error(call: Call, code: str, message: str | None = None, status: int | None = None) -> Answer:
    """An AWS error in the format the caller's protocol expects (EC2, query, S3 or JSON)."""
    known_status, known_message = ERRORS.get(code, (400, code))
    status = status or known_status
    text = message or known_message
    request_id = str(uuid.uuid4())
    if call.is_json:
        body = json.dumps({"__type": code, "message": text})
        return plain(body.encode(), "application/x-amz-json-1.1", status, request_id)
    inner = f"<Code>{escape(code)}</Code><Message>{escape(text)}</Message>"
    if call.service == "ec2":
        xml = (
            f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    elif call.service == "s3":
        xml = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    else:
        sender = "Sender" if status < 500 else "Receiver"
        xml = (
            f"<ErrorResponse><Error><Type>{sender}</Type>{inner}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return plain(f'<?xml version="1.0" encoding="UTF-8"?>{xml}'.encode(), "text/xml", status, request_id)


def cut(connection: socket.socket) -> None:
    """Resets a TCP connection at once.

    The server's reader and writer still hold the socket, so a plain close() would only be remembered for later
    and the client would hang until its own timeout; detaching the descriptor closes it now.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
