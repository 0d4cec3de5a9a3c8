"""What is logged while a bar is drawn."""

from __future__ import annotations

import io
import logging

import pytest

from dispatcher.cli.errors import _CurrentStderr


def test_a_line_goes_to_what_stderr_is_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar takes stderr's place, so that lines come above it and none of it stays behind."""
    handler = _CurrentStderr()
    bar = io.StringIO()
    monkeypatch.setattr("sys.stderr", bar)
    handler.handle(logging.makeLogRecord({"msg": "the worker died"}))
    assert bar.getvalue() == "the worker died\n"
