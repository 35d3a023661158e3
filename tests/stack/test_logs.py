"""What a process writes to its log."""

from __future__ import annotations

import json
import logging

import structlog

from config.logs import SHARED


def test_an_entry_is_one_line_of_json_with_its_request_and_no_secret() -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        processor=structlog.processors.JSONRenderer(ensure_ascii=False), foreign_pre_chain=SHARED
    )
    record = logging.LogRecord("toban", logging.INFO, __file__, 1, "一行目\n二行目", (), None)
    with structlog.contextvars.bound_contextvars(
        request_id="r-1", session_key="s", external_id="e", api_token="t", Authorization="a"
    ):
        line = formatter.format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["event"], told["request_id"], told["level"]) == ("一行目\n二行目", "r-1", "info")
    assert told["timestamp"].endswith("Z")
    assert {told[name] for name in ("session_key", "external_id", "api_token", "Authorization")} == {"***"}
