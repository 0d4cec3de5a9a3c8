"""What holds for every test, and for every program that a test starts."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # no worker looks for model files on the internet

# Where nothing compiled is kept, each of the hundreds of programs compiles all that it imports: most of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Whoever runs the tests in the background lets them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out by `Lines`, whatever `--dist` says."""
    from tests.support.lines import Lines

    return Lines(config, log)
