"""The report of a video: what was said and recorded in each step, by which engine, and with how many retries."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dispatcher.tour.actions.assertions import AssertionResult
from protocol.errors import EnvironmentNotReady
from usertext.redaction import without_secrets_in


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One step, with times in seconds; `start` is its position in the video."""

    id: str
    title: str
    narration: str
    narration_seconds: float
    capture_seconds: float
    start: float
    engine: str | None
    retries: int
    assertions: tuple[AssertionResult, ...]


@dataclass(frozen=True, kw_only=True)
class TourReport:
    """The whole video."""

    spec: str
    title: str
    video: str
    captions: tuple[str, ...]
    seconds: float
    engine: str
    warnings: tuple[str, ...]
    versions: Mapping[str, str]
    steps: tuple[StepReport, ...]
    enhancement: Mapping[str, Any] | None = None  # who rewrote the narration of which steps; left out without --enhance


def write(path: Path, report: TourReport) -> None:
    """Write the report as JSON without secrets, atomically: an older report is only replaced by a complete one."""
    fields = without_secrets_in(asdict(report))
    if report.enhancement is None:
        del fields["enhancement"]
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise EnvironmentNotReady(f"the report {path} cannot be written: {error.strerror}") from error
