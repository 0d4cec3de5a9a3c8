"""JSON on stdout; what a run is as JSON is decided in `dispatcher.runs.as_dict`."""

from __future__ import annotations

import json
import sys
from typing import Any

from dispatcher.runs.as_dict import attempt_as_dict as attempt_told
from dispatcher.runs.as_dict import run_as_dict as run_told
from dispatcher.runs.as_dict import run_details as whole_run
from dispatcher.runs.as_dict import runs_as_dicts as runs_told

__all__ = ["attempt_told", "print_json", "run_told", "runs_told", "whole_run"]


def print_json(value: Any) -> None:
    """Write plain data to stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
