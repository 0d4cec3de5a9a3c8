"""The public door of the sending machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dispatcher
from protocol import errors


def test_what_is_exported_is_there() -> None:
    """Every name in `__all__` exists, once; the linter keeps their order."""
    assert len(set(dispatcher.__all__)) == len(dispatcher.__all__)
    assert all(hasattr(dispatcher, name) for name in dispatcher.__all__)


@pytest.mark.parametrize("error", [errors.JobFailed, errors.JobTimeout, errors.JobExpired, errors.JobCancelled])
def test_the_old_name_catches_whatever_a_narration_ends_with(error: type[errors.JobError]) -> None:
    """Scripts that catch ColabTTSError go on doing so, for failures and for time-outs."""
    with pytest.raises(dispatcher.ColabTTSError, match="words"):
        raise error("words")


def test_importing_starts_nothing() -> None:
    """Neither a browser's driver nor a model library is imported with the package."""
    heavy = "{'playwright', 'papermill', 'torch', 'onnxruntime', 'watchdog'}"
    code = f"import sys, dispatcher; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"
