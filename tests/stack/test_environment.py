"""Settings from files: secrets that stand in no list of processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Environment, Variables


def reading(variables: dict[str, str]) -> Environment:
    env = Environment()
    env.ENVIRON = Variables(variables)
    return env


def test_a_variable_may_be_a_file_and_the_end_of_its_line_is_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("k2:bmV3,k1:b2xk\n", encoding="utf-8")
    env = reading({"KEYS_FILE": str(file), "KEYS": "k0:YQ==", "PLAIN": "x"})
    assert env.list("KEYS", default=[]) == ["k2:bmV3", "k1:b2xk"]
    assert (env.str("PLAIN"), env.str("MISSING", default="")) == ("x", "")


def test_a_file_that_cannot_be_read_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"KEYS_FILE names .*away.* Let this process"):
        reading({"KEYS_FILE": str(tmp_path / "away")}).list("KEYS", default=[])
