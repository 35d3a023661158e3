"""Every way a call can fail has one name, and AWS's words survive without secrets."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from infra.aws.errors import translate
from infra.domain.aws import Denial, Problem

URL = "https://ec2.ap-northeast-1.amazonaws.com/"


def client_error(code: str, message: str = "", status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "RequestId": "req-1",
                "HostId": "",
                "HTTPStatusCode": status,
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        "StartInstances",
    )


@pytest.mark.parametrize(
    ("code", "status", "problem"),
    [
        ("UnauthorizedOperation", 403, Problem.PERMISSION),
        ("AccessDenied", 403, Problem.PERMISSION),
        ("AccessDeniedException", 400, Problem.PERMISSION),
        ("AuthFailure", 401, Problem.PERMISSION),
        ("RequestLimitExceeded", 503, Problem.THROTTLED),
        ("ThrottlingException", 400, Problem.THROTTLED),
        ("InvalidInstanceID.NotFound", 400, Problem.GONE),
        ("InvalidVolume.NotFound", 400, Problem.GONE),
        ("InvalidSnapshot.NotFound", 400, Problem.GONE),
        ("DBInstanceNotFound", 404, Problem.GONE),
        ("IncorrectInstanceState", 400, Problem.WRONG_STATE),
        ("InvalidDBInstanceState", 400, Problem.WRONG_STATE),
        ("InsufficientInstanceCapacity", 500, Problem.NO_CAPACITY),
        ("InsufficientDBInstanceCapacity", 400, Problem.NO_CAPACITY),
        ("KMSKeyNotAccessibleFault", 400, Problem.KEY),
        ("InvalidKMSKey.InvalidState", 400, Problem.KEY),
        ("InvalidInstanceID.Malformed", 400, Problem.INVALID),
        ("InvalidParameterValue", 400, Problem.INVALID),
        ("UnsupportedOperation", 400, Problem.UNSUPPORTED),
        ("InternalError", 500, Problem.NO_ANSWER),
        ("ServiceUnavailable", 503, Problem.NO_ANSWER),
        ("NobodyKnowsThis", 502, Problem.NO_ANSWER),
        ("NobodyKnowsThis", 400, Problem.OTHER),
    ],
)
def test_aws_codes_have_one_problem_each(code: str, status: int, problem: Problem) -> None:
    error = translate(client_error(code, "words", status), action="ec2:StartInstances")
    assert (error.problem, error.code, error.request_id) == (problem, code, "req-1")


@pytest.mark.parametrize(
    ("exc", "problem"),
    [
        (ConnectTimeoutError(endpoint_url=URL), Problem.UNREACHABLE),
        (EndpointConnectionError(endpoint_url=URL, error="refused"), Problem.UNREACHABLE),
        (SSLError(endpoint_url=URL, error=OSError("CERTIFICATE_VERIFY_FAILED")), Problem.UNREACHABLE),
        (SSLError(endpoint_url=URL, error=OSError("bad record mac")), Problem.NO_ANSWER),
        (ReadTimeoutError(endpoint_url=URL), Problem.NO_ANSWER),
        (ConnectionClosedError(endpoint_url=URL), Problem.NO_ANSWER),
        (HTTPClientError(error="anything"), Problem.NO_ANSWER),
        (ResponseParserError("not XML"), Problem.NO_ANSWER),
        (RuntimeError("not foreseen"), Problem.NO_ANSWER),
        (ParamValidationError(report="wrong"), Problem.INVALID),
        (NoCredentialsError(), Problem.ROLE_REFUSED),
    ],
)
def test_only_what_provably_never_left_is_unreachable(exc: Exception, problem: Problem) -> None:
    assert translate(exc, action="ec2:StartInstances").problem is problem


@pytest.mark.parametrize(
    ("exc", "problem"),
    [
        (client_error("AccessDenied", status=403), Problem.ROLE_REFUSED),
        (client_error("InvalidClientTokenId", status=403), Problem.ROLE_REFUSED),
        (client_error("ExpiredToken", status=403), Problem.ROLE_REFUSED),
        (client_error("Throttling"), Problem.THROTTLED),
        (client_error("InternalFailure", status=500), Problem.UNREACHABLE),
        (ReadTimeoutError(endpoint_url=URL), Problem.UNREACHABLE),
    ],
)
def test_a_failure_to_assume_the_role_leaves_nothing_unsettled(exc: Exception, problem: Problem) -> None:
    assert translate(exc, action="sts:AssumeRole").problem is problem


def test_a_denial_names_the_missing_action_even_if_it_is_another_one() -> None:
    exc = client_error(
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/toban/x is not authorized"
        " to perform: kms:CreateGrant on resource: arn:aws:kms:x. Encoded authorization failure message: AAbbCC",
        403,
    )
    error = translate(exc, action="ec2:StartInstances")
    assert error.missing_action == "kms:CreateGrant"
    assert "kms:CreateGrant" in str(error)
    assert "AAbbCC" not in str(error)


def test_a_denial_that_names_nothing_names_the_action_that_was_tried() -> None:
    error = translate(client_error("AuthFailure", "no", 401), action="ec2:StopInstances")
    assert error.missing_action == "ec2:StopInstances"
    assert "ec2:StopInstances" in error.message


def test_only_ids_that_were_asked_are_found_in_the_message() -> None:
    exc = client_error("InvalidInstanceID.NotFound", "The instance IDs 'i-0a, i-0b' do not exist, i-0abc may")
    error = translate(exc, action="ec2:StartInstances", asked=["i-0b", "i-0", "i-0a", "i-0c"])
    assert error.ids == ("i-0b", "i-0a")


def test_a_secret_is_cut_out_of_messages() -> None:
    exc = client_error("ValidationError", "Value 's3cret' at 'externalId' failed")
    error = translate(exc, action="sts:AssumeRole", secret="s3cret")
    assert "s3cret" not in str(error) + repr(error)


_WHO = "User: arn:aws:sts::1:assumed-role/TobanOperate/x is not authorized to perform: "


@pytest.mark.parametrize(
    ("code", "message", "denial"),
    [
        ("UnauthorizedOperation", f"{_WHO}ec2:StopInstances on resource: arn:aws:ec2:x:1:instance/i-1 because no identity-based policy allows the ec2:StopInstances action. Encoded authorization failure message: AA", None),
        ("AccessDenied", f"{_WHO}rds:StopDBInstance on resource: arn:aws:rds:x:1:db:karte", None),
        ("UnauthorizedOperation", "You are not authorized to perform this operation.", None),
        ("AccessDenied", f"{_WHO}rds:StopDBInstance on resource: arn:aws:rds:x:1:db:karte with an explicit deny in a service control policy", Denial.SERVICE_CONTROL),
        ("AccessDeniedException", f"{_WHO}ssm:DescribeMaintenanceWindows because no service control policy allows the ssm:DescribeMaintenanceWindows action", Denial.SERVICE_CONTROL),
        ("AccessDenied", f"{_WHO}rds:StopDBInstance with an explicit deny in a resource control policy", Denial.RESOURCE_CONTROL),
        ("UnauthorizedOperation", f"{_WHO}ec2:StopInstances because no permissions boundary allows the ec2:StopInstances action", Denial.BOUNDARY),
        ("UnauthorizedOperation", f"{_WHO}ec2:StopInstances with an explicit deny in a permissions boundary: arn:aws:iam::1:policy/limits", Denial.BOUNDARY),
        ("UnauthorizedOperation", f"{_WHO}ec2:StopInstances because no session policy allows the ec2:StopInstances action", Denial.SESSION),
        ("UnauthorizedOperation", f"{_WHO}ec2:CreateTags with an explicit deny in an identity-based policy", Denial.IDENTITY),
        ("AccessDeniedException", f"{_WHO}kms:CreateGrant with an explicit deny in a resource-based policy", Denial.RESOURCE),
        ("AccessDenied", f"{_WHO}rds:DescribeDBInstances because no VPC endpoint policy allows the rds:DescribeDBInstances action", Denial.ENDPOINT),
    ],
)  # fmt: skip
def test_a_policy_that_no_statement_of_the_role_lifts_is_told_apart_from_a_missing_right(
    code: str, message: str, denial: Denial | None
) -> None:
    error = translate(client_error(code, message, 403), action="ec2:StopInstances")
    assert (error.problem, error.denial) == (Problem.PERMISSION, denial)
