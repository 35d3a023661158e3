"""Whether a host reaches a database, as AWS's facts say, and what the errors of clients mean."""

from __future__ import annotations

from typing import Any

import pytest

from infra.domain.diagnosis import Found, Host, Step, best_source, explained, lines_of_aws
from infra.domain.reach import Rule

DATABASE: dict[str, Any] = {"engine": "mysql", "port": 3306, "address": "karte.rds", "vpc_id": "vpc-1"}
HOST = Host("app", "vpc-1", "10.0.1.5", ("sg-0000000a",), running=True)

WITHOUT_TLS = 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "app", database "x", no encryption'


def rule(source: str, port: int = 3306) -> Rule:
    return Rule("sgr-1", "sg-0000000b", "tcp", port, port, source, "")


def found(step: Step, **more: Any) -> tuple[str, str]:
    given: dict[str, Any] = {
        "database": DATABASE,
        "aws_state": "available",
        "host": HOST,
        "rules": [rule("sg-0000000a")],
    } | more
    line = next(one for one in lines_of_aws(**given) if one.step is step)
    return str(line.found), line.cause


@pytest.mark.parametrize(
    ("step", "more", "expected"),
    [
        (Step.STATE, {"aws_state": "stopped"}, ("bad", "db_stopped")),
        (Step.STATE, {"aws_state": "modifying"}, ("bad", "db_not_ready")),
        (Step.ENDPOINT, {"database": DATABASE | {"address": ""}}, ("bad", "endpoint_missing")),
        (Step.NETWORK, {}, ("good", "same_vpc")),
        (Step.NETWORK, {"database": DATABASE | {"vpc_id": "vpc-2"}}, ("unknown", "other_vpc")),
        (Step.NETWORK, {"host": Host("app", "vpc-1", "", (), running=False)}, ("bad", "host_stopped")),
        (Step.RULE, {}, ("good", "rule_there")),
        (Step.RULE, {"rules": [rule("10.0.1.0/24")]}, ("good", "rule_there")),
        (Step.RULE, {"rules": [rule("10.0.2.0/24"), rule("sg-0000000a", 5432)]}, ("bad", "rule_missing")),
        (Step.RULE, {"rules": [rule("pl-12345678")]}, ("unknown", "prefix_list")),
        (Step.RULE, {"rules": None}, ("unknown", "rules_unread")),
        (Step.RULE, {"host": None}, ("unknown", "from_toban")),
    ],
)
def test_what_aws_shows(step: Step, more: dict[str, Any], expected: tuple[str, str]) -> None:
    assert found(step, **more) == expected


def test_a_group_is_the_better_source_because_addresses_change() -> None:
    assert best_source(HOST) == "sg-0000000a"
    assert best_source(Host("app", "", "10.0.1.5", (), running=True)) == "10.0.1.5/32"


@pytest.mark.parametrize(
    ("message", "step", "cause"),
    [
        ("ERROR 2003 (HY000): Can't connect to MySQL server on 'karte.rds:3306' (110)", Step.TCP, "timed_out"),
        ("ERROR 2003 (HY000): Can't connect to MySQL server on 'karte.rds' (111 \"Connection refused\")", Step.TCP, "refused"),
        ("ERROR 2002 (HY000): Can't connect to local MySQL server through socket '/run/mysqld.sock' (2)", Step.TCP, "local_socket"),
        ("ERROR 2005 (HY000): Unknown MySQL server host 'kart' (-2)", Step.NAME, "name_unknown"),
        ("ERROR 1045 (28000): Access denied for user 'admin'@'10.0.0.1' (using password: YES)", Step.SIGN_IN, "sign_in_refused"),
        ("ERROR 1130 (HY000): Host '10.0.0.9' is not allowed to connect to this MariaDB server", Step.SIGN_IN, "host_not_allowed"),
        ("ERROR 3159 (HY000): Connections using insecure transport are prohibited", Step.TLS, "tls_demanded"),
        ("ERROR 1049 (42000): Unknown database 'kart'", Step.SIGN_IN, "no_such_database"),
        ("ORA-12514: TNS:listener does not currently know of service requested in connect descriptor", Step.SIGN_IN, "service_unknown"),
        ("ERROR 2003 (HY000): Can't connect to MySQL server on 'karte.rds' (10061)", Step.TCP, "refused"),
        ("ERROR 2003 (HY000): Can't connect to MySQL server on 'karte.rds' (61)", Step.TCP, "refused"),
        ("ERROR 2003 (HY000): Can't connect to MySQL server on 'karte.rds' (10060)", Step.TCP, "timed_out"),
        ("ERROR 2013 (HY000): Lost connection to MySQL server at 'reading initial communication packet', system error: 0", Step.TCP, "broken_off"),
        ("ERROR 1129 (HY000): Host '10.0.0.9' is blocked because of many connection errors", Step.SIGN_IN, "host_blocked"),
        ("ERROR 2059 (HY000): Authentication plugin 'caching_sha2_password' cannot be loaded", Step.SIGN_IN, "plugin_missing"),
        ("ORA-12537: TNS:connection closed", Step.TCP, "broken_off"),
        ("ORA-12543: TNS:destination host unreachable", Step.TCP, "timed_out"),
        ("DPY-6001: Service \"ORCL\" is not registered with the listener at host \"karte.rds\" port 1521", Step.SIGN_IN, "service_unknown"),
        ("DPY-6005: cannot connect to database. Connection failed with \"[Errno 110] Connection timed out\"", Step.TCP, "timed_out"),
        ("DPY-6005: cannot connect to database. Connection failed with \"[Errno 111] Connection refused\"", Step.TCP, "refused"),
        ("server closed the connection unexpectedly", Step.TCP, "broken_off"),
        ("ORA-12541: TNS:no listener", Step.TCP, "refused"),
        ("ORA-12170: TNS:Connect timeout occurred", Step.TCP, "timed_out"),
        ("ORA-01017: invalid username/password; logon denied", Step.SIGN_IN, "sign_in_refused"),
        ("ORA-01045: user APP lacks CREATE SESSION privilege", Step.SIGN_IN, "no_right_to_connect"),
        ('psql: error: connection to server at "karte.rds" (10.0.0.1), port 5432 failed: timeout expired', Step.TCP, "timed_out"),
        ("psql: error: connection to server on port 5432 failed: Connection refused", Step.TCP, "refused"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "app", database "x", no encryption', Step.TLS, "tls_demanded"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "app", database "x", SSL encryption', Step.SIGN_IN, "host_not_allowed"),
        ('FATAL:  password authentication failed for user "app"', Step.SIGN_IN, "sign_in_refused"),
        ('FATAL:  database "kart" does not exist', Step.SIGN_IN, "no_such_database"),
        # sslmode=prefer, psql's own: after the refusal it tries without TLS, and tells of both.
        (f'FATAL:  password authentication failed for user "app"\n{WITHOUT_TLS}', Step.SIGN_IN, "sign_in_refused"),
        (f'FATAL:  database "kart" does not exist\n{WITHOUT_TLS}', Step.SIGN_IN, "no_such_database"),
    ],
)  # fmt: skip
def test_what_a_client_says_is_explained(message: str, step: Step, cause: str) -> None:
    meant = explained(message)
    assert meant is not None
    assert (meant.step, meant.found, meant.cause) == (step, Found.BAD, cause)


def test_what_is_not_known_is_not_guessed() -> None:
    assert explained("Segmentation fault") is None
