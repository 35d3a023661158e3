"""Turn whatever botocore raises into one named problem."""

from __future__ import annotations

import re
from collections.abc import Sequence

from botocore.exceptions import (
    BaseEndpointResolverError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
    ValidationError,
)

from infra.domain.aws import AwsError, Denial, Problem

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})

_CODES: dict[Problem, tuple[str, ...]] = {
    Problem.PERMISSION: (
        "UnauthorizedOperation", "UnauthorizedAccess", "AccessDenied", "AccessDeniedException",
        "NotAuthorized", "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException",
        "SignatureDoesNotMatch", "MissingAuthenticationToken", "OptInRequired", "Blocked",
        "PendingVerification",
    ),
    Problem.THROTTLED: (
        "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException",
        "RequestThrottled", "RequestThrottledException", "TooManyRequestsException", "Throttling.User",
        "SlowDown", "ResourceContention", "SnapshotCreationPerVolumeRateExceeded",
    ),
    Problem.GONE: (
        "DBInstanceNotFound", "DBInstanceNotFoundFault", "InvalidInstanceID.NotFound",
        "InvalidVolume.NotFound", "DBSnapshotNotFound",
    ),
    Problem.WRONG_STATE: (
        "IncorrectInstanceState", "IncorrectState", "InvalidDBInstanceState", "InvalidDBInstanceStateFault",
        "InvalidDBClusterStateFault", "InvalidVPCNetworkStateFault", "VolumeInUse", "ResourceInUse",
        "ScalingActivityInProgress", "InvalidDBSnapshotState",
    ),
    Problem.NO_CAPACITY: (
        "InsufficientInstanceCapacity", "InsufficientCapacity", "InsufficientHostCapacity",
        "InsufficientCapacityOnHost", "InsufficientReservedInstanceCapacity",
        "InsufficientDBInstanceCapacity", "InsufficientDBInstanceCapacityFault", "InstanceLimitExceeded",
        "VcpuLimitExceeded",
    ),
    Problem.INVALID: (
        "ValidationError", "InvalidParameter", "InvalidParameterValue", "InvalidParameterCombination",
        "InvalidID", "InvalidRequest", "MissingParameter", "MalformedQueryString", "TagLimitExceeded",
        "TagPolicyViolation", "FilterLimitExceeded", "RequestResourceCountExceeded",
    ),
    Problem.UNSUPPORTED: (
        "Unsupported", "UnsupportedOperation", "UnsupportedHibernationConfiguration",
        "OperationNotPermitted", "UnsupportedHostConfiguration", "UnsupportedInstanceTypeOnHost",
    ),
    Problem.QUOTA: (
        "SnapshotLimitExceeded", "PendingSnapshotLimitExceeded", "SnapshotQuotaExceeded", "SnapshotQuotaExceededFault",
        "StorageQuotaExceeded", "StorageQuotaExceededFault", "RulesPerSecurityGroupLimitExceeded", "InstanceQuotaExceeded", "InstanceQuotaExceededFault",
    ),
    Problem.EXISTS: (
        "DBSnapshotAlreadyExists", "DBSnapshotAlreadyExistsFault", "DBInstanceAlreadyExists",
        "DBInstanceAlreadyExistsFault", "InvalidPermission.Duplicate",
    ),
    # These are 5xx: AWS failed at some point that it does not tell.
    Problem.NO_ANSWER: (
        "InternalError", "InternalFailure", "Internal", "ServerInternal", "ServiceUnavailable",
        "Unavailable", "RequestTimeout",
    ),
}  # fmt: skip
_PROBLEMS = {code: problem for problem, codes in _CODES.items() for code in codes}

# The connection was never there. Everything else that is not an answer may have arrived.
_NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
_NOT_A_REQUEST = (ParamValidationError, ValidationError, BaseEndpointResolverError)
_NO_BASE_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)

_MISSING_ACTION = re.compile(r"not authorized to perform:? ?\"?([a-z0-9-]+:[A-Za-z0-9*]+)")
#: Which policy stands in the way, as AWS says it: "because no session policy allows ..." or "with an explicit deny in a service control
#: policy". Source: IAM user guide, "Troubleshoot access denied error messages".
_POLICY = re.compile(
    r"(?P<how>with an explicit deny in|because no) (?:an? |the )?(?P<kind>identity-based|resource-based|service control|resource control"
    r"|session|VPC endpoint|permissions boundary)\b(?: policy)?",
    re.IGNORECASE,
)
_NO_SUCH_GROUP = re.compile(r"AutoScalingGroup name not found", re.IGNORECASE)
_ENCODED_REASON = re.compile(r"\s*Encoded authorization failure message:.*", re.DOTALL)
_DENIALS: dict[str, Denial] = {
    "identity-based": Denial.IDENTITY, "resource-based": Denial.RESOURCE, "service control": Denial.SERVICE_CONTROL,
    "resource control": Denial.RESOURCE_CONTROL, "session": Denial.SESSION, "vpc endpoint": Denial.ENDPOINT,
    "permissions boundary": Denial.BOUNDARY,
}  # fmt: skip
_WORD = re.compile(r"[\w-]+")
_MESSAGE_LIMIT = 500


def translate(exc: Exception, *, action: str, asked: Sequence[str] = (), secret: str = "") -> AwsError:
    """Name the problem behind an exception of botocore.

    action: "ec2:StartInstances". asked: the ids in the request, of which those found in AWS's message become
    `ids`. secret: a text that is cut out of the message wherever it stands.
    """
    if isinstance(exc, AwsError):
        return exc
    if isinstance(exc, ClientError):
        return _refused(exc, action=action, asked=asked, secret=secret)
    problem = _unanswered(exc)
    if action.startswith("sts:"):
        problem = _before_the_call(problem)
    return AwsError(problem, action=action, message=_clean(str(exc), secret), code=type(exc).__name__)


def _refused(exc: ClientError, *, action: str, asked: Sequence[str], secret: str) -> AwsError:
    detail = exc.response.get("Error", {})
    metadata = exc.response.get("ResponseMetadata", {})
    code = detail.get("Code", "")
    raw = detail.get("Message") or ""
    message = _clean(raw, secret)
    problem = problem_of_code(code, status=metadata.get("HTTPStatusCode", 0), action=action)
    missing, denied = "", None
    if problem is Problem.INVALID and _NO_SUCH_GROUP.match(raw):
        problem = Problem.GONE  # AWS has no code of its own for it
    if problem is Problem.PERMISSION:
        found = _MISSING_ACTION.search(raw)
        missing = found.group(1) if found else action
        denied = denial_of(raw)
        if missing not in message:
            message = f"{message} ({missing})"
    words = set(_WORD.findall(raw))
    return AwsError(
        problem,
        action=action,
        message=message,
        code=code,
        request_id=metadata.get("RequestId", ""),
        ids=tuple(asked_id for asked_id in asked if asked_id in words),
        missing_action=missing,
        denial=denied,
    )


def denial_of(message: str) -> Denial | None:
    """The policy besides the role's own rights that AWS says stands in the way; None where a right is only missing, or AWS does not say.

    That no identity-based policy allows an action is what a missing right is.
    """
    found = _POLICY.search(message)
    if found is None:
        return None
    explicit = found["how"].lower().startswith("with")
    kind = found["kind"].lower()
    if kind == "identity-based" and not explicit:
        return None
    return _DENIALS[kind]


def problem_of_code(code: str, *, status: int, action: str) -> Problem:
    """Look an AWS error code up; `status` is the HTTP status that decides for codes nobody knows."""
    problem = _PROBLEMS.get(code) or _problem_by_shape(code, status)
    return _before_the_call(problem) if action.startswith("sts:") else problem


def _before_the_call(problem: Problem) -> Problem:
    """Restate a problem of AssumeRole: nothing was asked of EC2 or RDS yet, so nothing there is unsettled."""
    if problem is Problem.NO_ANSWER:
        return Problem.UNREACHABLE
    if problem in {Problem.PERMISSION, Problem.OTHER, Problem.GONE}:
        return Problem.ROLE_REFUSED
    return problem


def _problem_by_shape(code: str, status: int) -> Problem:
    if "KMS" in code:
        return Problem.KEY
    if code.endswith((".NotFound", "NotFoundFault")):
        return Problem.GONE
    if code.endswith((".Malformed", ".InvalidFormat")):
        return Problem.INVALID
    return Problem.NO_ANSWER if status >= 500 else Problem.OTHER


def _unanswered(exc: Exception) -> Problem:
    if isinstance(exc, _NOT_A_REQUEST):
        return Problem.INVALID
    if isinstance(exc, _NO_BASE_CREDENTIALS):
        return Problem.ROLE_REFUSED
    if isinstance(exc, _NEVER_SENT):
        return Problem.UNREACHABLE
    if isinstance(exc, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return Problem.UNREACHABLE
    return Problem.NO_ANSWER


def _clean(message: str, secret: str) -> str:
    message = _ENCODED_REASON.sub("", message)
    if secret:
        message = message.replace(secret, "***")
    return message[:_MESSAGE_LIMIT]
