"""A drop that does not answer for hours is told once, and so is its return."""

from __future__ import annotations

import logging

import pytest

from colab.trouble import Trouble
from protocol.errors import ChannelError, ChannelLost


def test_the_same_trouble_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Another failure is another line; when the drop answers again that is told too, and only then."""
    caplog.set_level(logging.INFO, "colab.trouble")
    trouble = Trouble(5)
    trouble.over()
    for _ in range(1000):
        trouble.met(ChannelLost("the drop cannot be reached. Is the mount up?"))
    trouble.met(ChannelError("no room"))
    trouble.over()
    trouble.over()
    trouble.met(ChannelError("no room"))
    assert caplog.messages == [
        "the drop cannot be reached. Is the mount up? Trying again every 5 s.",
        "no room. Trying again every 5 s.",
        "the drop answers again",
        "no room. Trying again every 5 s.",
    ]
