"""The report beside the film: what was said and filmed in each step, by whom, and how often it took."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protocol.errors import EnvironmentNotReady
from usertext.redaction import without_secrets_in


@dataclass(frozen=True, kw_only=True)
class Checked:
    """An assertion and what came of it."""

    type: str
    expected: str
    ok: bool


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One step. Seconds; `start` is its place in the film."""

    id: str
    title: str
    narration: str
    narration_seconds: float
    capture_seconds: float
    start: float
    engine: str | None
    retries: int
    assertions: tuple[Checked, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The whole film."""

    spec: str
    title: str
    video: str
    captions: tuple[str, ...]
    seconds: float
    engine: str
    warnings: tuple[str, ...]
    versions: Mapping[str, str]
    steps: tuple[StepReport, ...]
    enhancement: Mapping[str, Any] | None = None  # who wrote narration anew, and of which steps; left out if nobody


def write(path: Path, report: Report) -> None:
    """Write the report as JSON without secrets, whole or not at all: one that was there stays until that is done."""
    told = without_secrets_in(asdict(report))
    if report.enhancement is None:
        del told["enhancement"]
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise EnvironmentNotReady(f"the report {path} cannot be written: {error.strerror}") from error
