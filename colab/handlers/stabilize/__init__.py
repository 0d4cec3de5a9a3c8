"""Stabilisation: the glue between a shaky film and vid.stab. Two passes: how it moved, then the steady film."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from colab.handlers.closed import closed_codes
from colab.handlers.stabilize import kept, transform
from colab.handlers.stabilize.detect import Detector, even_size
from colab.handlers.stabilize.engine import available, open_engine
from colab.handlers.stabilize.motions import Motion
from colab.handlers.work import Result, Work
from colab.models import Models
from media import confined
from media.ffmpeg import Ffmpeg
from media.info import MediaFile, VideoTrack
from media.muxing import MuxedVideo
from protocol.errors import JobFailed, MediaError
from protocol.kinds.kind import SOURCE
from protocol.kinds.stabilize import Params, film_path
from protocol.messages import Choices, EngineRecord

UNITS = 1000
DETECTION_UNITS = 300
"""What of all units the first pass takes: it is about a third of the work."""

SMOOTH_UNITS = 380
"""Where the camera's path is smooth, and the film begins to be written."""

SAVE_EVERY_S = 30.0
SMALLEST = 16
"""Pixels a side below which there is no field that could be followed."""


class StabilizeHandler:
    """Makes a film steady. The same request gives the same bytes by the same ffmpeg."""

    kind = "stabilize"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return vid.stab, where an ffmpeg here has it."""
        return available()

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return nothing: its parameters are not names of a list."""
        return {}

    def run(self, work: Work) -> Result:
        """Write and publish the steady film. Raises `JobFailed` with what is wrong with the film, and the hint."""
        params = cast(Params, work.params)
        program, record = open_engine(work.engine, params.written_codec)
        work.progress(0, UNITS, "looking at the film")
        media, picture = _examined(work.inputs[SOURCE])
        with closed_codes("the film cannot be made steady", hint="make it smaller"):
            job = _Job(
                work=work,
                params=params,
                program=program,
                media=media,
                picture=picture,
                record=record,
                kept=work.kept(record),
            )
            return job.run()


@dataclass(kw_only=True)
class _Job:
    """One film being made steady."""

    work: Work
    params: Params
    program: Ffmpeg
    media: MediaFile
    picture: VideoTrack
    record: EngineRecord
    kept: frozenset[str]  # what earlier attempts left
    saved: int = 0
    reused: int = 0
    furthest: int = 0  # units
    looked_at: float = field(default_factory=time.monotonic)

    @property
    def folder(self) -> Path:
        """Return where ffmpeg works: nothing else lies there."""
        place = self.work.folder / "stabilize"
        place.mkdir(exist_ok=True)
        return place

    def run(self) -> Result:
        found = self._detected()
        film = self._film(found)
        self.work.publish(film_path(self.params))
        self.work.progress(UNITS, UNITS, "the film is steady")
        return Result(engine=self.record, summary=self._summary(found, film))

    def _detected(self) -> list[Motion]:
        """Return the motion of every picture, as far as it is kept from an earlier attempt, the rest found now."""
        size = even_size(self.picture)
        known, complete = kept.take_up(self.work, self.kept, size)
        self.saved = self.reused = len(known)
        if complete:
            self._say(1.0, 0, DETECTION_UNITS, f"motion of {len(known)} pictures kept from an earlier attempt")
            return known
        detector = self._detector()
        note = f"detecting motion {'at half size' if detector.looks > 1 else 'at full size'}"
        first = len(known)

        def on_progress(done: float) -> None:
            self._say(done, 0, DETECTION_UNITS, note)
            if time.monotonic() - self.looked_at > SAVE_EVERY_S:
                self.saved = kept.leave(self.work, known + detector.so_far(first), size, before=self.saved, last=False)
                self.looked_at = time.monotonic()

        found = known + detector.run(first, on_progress)
        self._say(1.0, 0, DETECTION_UNITS, note)
        for last in (False, True):
            self.saved = kept.leave(self.work, found, size, before=self.saved, last=last)
            self._say(1.0, 0, DETECTION_UNITS, "motion detected")
        return found

    def _detector(self) -> Detector:
        return Detector(
            ffmpeg=self.program,
            path=self.media.path,
            container=self.media.container,
            picture=self.picture,
            params=self.params,
            folder=self.folder,
        )

    def _film(self, found: list[Motion]) -> MuxedVideo:
        note = "writing the steady film"
        smoothing = "smoothing the camera's path"
        self._say(0.0, DETECTION_UNITS, SMOOTH_UNITS, smoothing)

        def on_smoothing(done: float, step: int) -> None:
            self._say(done, DETECTION_UNITS, SMOOTH_UNITS, smoothing + (f", step {step}" if step else ""))

        def on_progress(done: float, reused: int) -> None:
            kept_too = f", {reused} pictures kept from an earlier attempt" if reused else ""
            self._say(done, SMOOTH_UNITS, UNITS - 1, note + kept_too)

        return transform.Steadying(
            work=self.work,
            ffmpeg=self.program,
            media=self.media,
            picture=self.picture,
            params=self.params,
            motion=found,
            on_smoothing=on_smoothing,
            on_progress=on_progress,
        ).write(self.kept)

    def _say(self, done: float, start: int, end: int, note: str) -> None:
        self.furthest = max(self.furthest, start + int(done * (end - start)))  # a kept piece may be no good
        self.work.progress(self.furthest, UNITS, note)

    def _summary(self, found: list[Motion], film: MuxedVideo) -> dict[str, Any]:
        summary: dict[str, Any] = {
            "seconds": round(film.media.seconds or 0.0, 3),
            "frames": len(found),
            "detection": "half" if self._detector().looks > 1 else "full",
            "codec": self.params.written_codec,
        }
        still = sum(1 for motion in found if motion.ignored)
        if still > 1:  # the first has nothing before it
            summary["not_followed"] = still - 1
        if self.reused:
            summary["detection_kept"] = self.reused
        if film.changed:
            summary["notes"] = list(film.changed)
        return summary


def _examined(path: Path) -> tuple[MediaFile, VideoTrack]:
    """Return what the film is, or say why it cannot be made steady."""
    try:
        media = confined.examine(path)
    except MediaError as error:
        raise JobFailed(str(error), code="INPUT_CORRUPT") from error
    if media.what != "film" or media.picture is None:
        raise JobFailed(f"a {media.what} cannot be made steady; give a film", code="INPUT_CORRUPT")
    if media.picture.pixels.is_hdr:
        raise JobFailed(
            "the film is of high dynamic range, and vid.stab works on 8 bits of the usual range, where it would look "
            "washed out; convert it to SDR first (ffmpeg's zscale and tonemap filters do)",
            code="UNSUPPORTED",
        )
    if min(even_size(media.picture)) < SMALLEST:
        size = "x".join(map(str, media.picture.size))
        raise JobFailed(f"the film is {size} pixels; at least {SMALLEST} a side are needed", code="UNSUPPORTED")
    return media, media.picture


HANDLER = StabilizeHandler()
