"""Somebody in AWS's own console of a demo account: signs in with the account's role and changes something by hand."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config

from config.simulator import fleet

_QUICK = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})


def stop_server(account_id: str, region: str, instance_id: str) -> None:
    """Stop an EC2 instance as a person would, past Toban."""
    _client(account_id, region).stop_instances(InstanceIds=[instance_id])


def _client(account_id: str, region: str) -> Any:
    account = next(one for one in fleet.ACCOUNTS if one.account_id == account_id)
    url = os.environ["AWS_ENDPOINT_URL"]
    sts = boto3.client("sts", endpoint_url=url, region_name=region, config=_QUICK)
    keys = sts.assume_role(
        RoleArn=account.role_arn, RoleSessionName="somebody", ExternalId=account.external_id
    )["Credentials"]
    return boto3.client(
        "ec2", endpoint_url=url, region_name=region, config=_QUICK, aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
    )  # fmt: skip
