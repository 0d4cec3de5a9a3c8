"""The report beside a tour's film, as it was written by `dispatcher.tour.output.report`, and pictures of its steps."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dispatcher.runs.record import Group
from dispatcher.web.served import TYPES
from media import ffmpeg
from protocol.errors import NotFoundError

MOST_BYTES = 16 << 20
MOST_STEPS = 1_000
THUMB_WIDTH = 480
INTO_S = 0.8
"""A step begins with the page as the one before left it; so much later it shows its own."""

KEEP_S = 30 * 24 * 3600.0
"""How long pictures of steps are kept."""

_making = threading.Semaphore(2)


class _ReportModel(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ReportedAssertion(_ReportModel):
    """An assertion and what came of it."""

    type: str
    expected: str = ""
    ok: bool


class ReportedStep(_ReportModel):
    """A step of the film."""

    id: str
    title: str = ""
    narration: str = ""
    narration_seconds: float = Field(0, ge=0, le=1e6)
    capture_seconds: float = Field(0, ge=0, le=1e6)
    start: float = Field(0, ge=0, le=1e6)
    engine: str | None = None
    retries: int = 0
    assertions: tuple[ReportedAssertion, ...] = ()


class _ReportFile(_ReportModel):
    title: str = ""
    video: str = ""
    seconds: float = Field(0, ge=0, le=1e6)
    engine: str = ""
    captions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    steps: tuple[ReportedStep, ...] = Field((), max_length=MOST_STEPS)


@dataclass(frozen=True, kw_only=True)
class TourReportView:
    """A report that was read, or why it was not."""

    film: Path
    film_here: bool = False
    title: str = ""
    seconds: float = 0
    engine: str = ""
    captions: Path | None = None  # those that a player shows, beside the film
    warnings: Sequence[str] = ()
    steps: Sequence[ReportedStep] = ()
    error: str = ""


def of(group: Group) -> TourReportView:
    """Return what the report of a tour says; one that is not there or not readable is told by `error`."""
    if group.report is None:
        is_missing = group.status == "completed" and not is_dry(group)
        return TourReportView(film=Path(), error="No report was written." if is_missing else "")
    path = Path(group.report)
    try:
        if path.stat().st_size > MOST_BYTES:
            return TourReportView(film=Path(), error=f"{path} is too long to be a report.")
        found = _ReportFile.model_validate_json(path.read_bytes())
    except OSError as error:
        return TourReportView(
            film=Path(), error=f"The report {path} cannot be read ({error.strerror}): it was moved away."
        )
    except ValidationError:
        return TourReportView(film=Path(), error=f"{path} is no report of a tour.")
    film = _film(path, found.video)
    return TourReportView(
        film=film,
        film_here=film.is_file(),
        title=found.title,
        seconds=found.seconds,
        engine=found.engine,
        captions=_captions(path, found.captions),
        warnings=found.warnings,
        steps=found.steps,
    )


def is_dry(group: Group) -> bool:
    """Say whether a tour was spoken only, as it was asked for."""
    return bool(group.execution_config.get("dry_run"))


def failure(group: Group) -> Path | None:
    """Return the picture of the page at which a tour failed; None where there is none."""
    failed = group.execution_config.get("failed")
    kept = failed.get("kept") if isinstance(failed, dict) else None
    picture = Path(kept) / "screenshot.png" if kept else None
    return picture if picture is not None and picture.is_file() else None


def _captions(report: Path, named: Sequence[str]) -> Path | None:
    """Return the captions that a player understands: beside the report, whatever else that names."""
    found = (report.with_name(Path(name).name) for name in named if name.lower().endswith(".vtt"))
    return next((path for path in found if path.is_file()), None)


def _film(report: Path, named: str) -> Path:
    """Return where the film is: beside its report, whatever else that names; only films are ever opened."""
    film = report.with_name(Path(named).name or "film")
    sort, _ = TYPES.get(film.suffix.lower(), ("file", ""))
    return film if sort == "film" else report.with_name("no film")


def thumbnail(told: TourReportView, number: int, cache: Path, program: Path | None) -> Path:
    """Return a picture of a step, made once for each film as it is now."""
    if not told.film_here:
        raise NotFoundError(f"the film {told.film} is not there any more")
    facts, step = told.film.stat(), told.steps[number]
    at = min(step.start + min(INTO_S, step.capture_seconds / 2), max(0.0, told.seconds - 0.1))
    mark = hashlib.sha256(f"{told.film} {facts.st_size} {facts.st_mtime_ns} {at:.3f}".encode()).hexdigest()[:32]
    kept = cache / f"{mark}.jpg"
    if not kept.is_file():
        with _making:
            _make(told.film, at, kept, program)
    return kept


def _forget_old(cache: Path) -> None:
    """Remove pictures made long ago; one that is still looked at is made again."""
    before = time.time() - KEEP_S
    for kept in cache.glob("*.jpg"):
        with contextlib.suppress(FileNotFoundError):  # another dashboard removes them too
            if kept.stat().st_mtime < before:
                kept.unlink()


def _make(film: Path, at: float, kept: Path, program: Path | None) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    _forget_old(kept.parent)
    unfinished = kept.with_name(f".{kept.stem}.{os.getpid()}.{threading.get_ident()}.jpg")
    seek = ["-ss", f"{at:.3f}", *ffmpeg.input_arguments(film, probe_container(film))]
    scaled = ["-frames:v", "1", "-vf", f"scale={THUMB_WIDTH}:-2", "-q:v", "5", "-f", "image2", "-update", "1"]
    try:
        ffmpeg.find(program).run([*seek, *scaled, ffmpeg.file_url(unfinished)], timeout_s=30)
        unfinished.replace(kept)
    finally:
        unfinished.unlink(missing_ok=True)


def probe_container(film: Path) -> str:
    """Return the container of a film of ours, by its name."""
    return {".webm": "matroska,webm", ".mkv": "matroska,webm", ".mov": "mov"}.get(film.suffix.lower(), "mov")
