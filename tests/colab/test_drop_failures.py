"""A drop that does not answer for hours is one line in the log, and so is its return."""

from __future__ import annotations

import logging

import pytest

from colab.worker import DropFailures
from protocol.errors import ChannelError, ChannelLost


def test_the_same_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Another failure is another line; when the drop answers again that is logged too, and only then."""
    caplog.set_level(logging.INFO, "colab.worker")
    failures = DropFailures(5)
    failures.succeeded()
    for _ in range(1000):
        failures.failed(ChannelLost("the drop cannot be reached. Is the mount up?"))
    failures.failed(ChannelError("no room"))
    failures.succeeded()
    failures.succeeded()
    failures.failed(ChannelError("no room"))
    assert caplog.messages == [
        "the drop cannot be reached. Is the mount up? Trying again every 5 s.",
        "no room. Trying again every 5 s.",
        "the drop answers again",
        "no room. Trying again every 5 s.",
    ]
