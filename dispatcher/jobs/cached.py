"""Cached results: read from their folder and hashed again each time, because the user may have changed them."""

from __future__ import annotations

import logging
from pathlib import Path

from dispatcher.jobs import accept, simple_form
from dispatcher.jobs.job import Result
from dispatcher.runs.record import Run
from protocol.errors import VerificationError

log = logging.getLogger(__name__)


def load(run: Run) -> Result:
    """Return the result of a completed run. Raises VerificationError if its files have changed."""
    assert run.results_dir is not None  # it is completed
    read = simple_form.load if run.verified == "legacy" else accept.load
    return read(run.id, Path(run.results_dir), run.verified or "full")


def is_whole(run: Run) -> bool:
    """Say whether a run has a result whose files still verify."""
    if run.status != "completed" or run.results_dir is None:
        return False
    try:
        load(run)
    except VerificationError as error:
        log.info("the cached result of run %s cannot be used: %s", run.id, error)
        return False
    return True
