"""What was agreed on for databases, word for word, as far as no other test has the very words: no password anywhere, and Japanese."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from django.db import connection
from django.utils import translation

from accounts.domain.permissions import Role
from config.saying.databases import cause_cure
from config.words.codes import CODES
from medical_audit.domain.errors import Refused
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_database_creations import asked, enter
from tests.infra.operations.test_snapshotting import confirm, outcome, work


def test_acceptance_13_pondb_is_made_ponsukedb_is_not_and_its_password_stands_nowhere(
    duty: Duty, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = asked(duty, "oracle-se2")
    with pytest.raises(Refused) as refused:
        enter(duty, replace(wanted, creation=replace(wanted.creation, db_name="ponsukedb")))
    with translation.override("ja"):
        assert "8文字以内" in str(CODES[refused.value.code])
    confirm(duty, enter(duty, wanted), Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.create") == ("SUCCEEDED", "database_created")
    duty.look()
    secret = duty.resource("new-db").facts["secret"]
    kept = duty.console("secretsmanager").get_secret_value(SecretId=secret)
    password = json.loads(kept["SecretString"])["password"]
    assert len(password) >= 8
    written = caplog.text + "".join(capfd.readouterr())
    assert password not in written
    assert password not in everything_kept(duty)


def everything_kept(duty: Duty) -> str:
    """Every row of every table that this role may read, as one text."""
    found = []
    with tenant_scope(duty.aws.cast.tenant.id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname IN ('public', 'ledger') AND has_table_privilege(schemaname || '.' || tablename, 'SELECT')"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} t")
            found.append(cursor.fetchone()[0])
    text = "\n".join(found)
    assert "new-db" in text, "what is searched is what was kept"
    return text


def test_acceptance_14_a_timeout_names_the_security_groups() -> None:
    with translation.override("ja"):
        assert cause_cure("timed_out").startswith("SG を確認")
