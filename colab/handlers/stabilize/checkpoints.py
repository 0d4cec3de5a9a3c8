"""Checkpoints of the first pass, so that no later attempt detects the motion of the same frames again.

A checkpoint has the motion of a fixed number of frames; the last one of a video has the rest, and says that it is the
last.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from colab.handlers.stabilize.motions import Motion
from colab.work import Work
from protocol.kinds.kind import CHECKPOINTS

FRAMES = 1500
"""Of a checkpoint: at 25 a second of a video of 1080 lines, about half a minute of work."""

MAX_BYTES = 1 << 20

GAUSSIAN = f"{CHECKPOINTS}gaussian-path.json"
"""Says that vid.stab gave up the path that it looks for in steps: no later attempt looks for it again."""

Number = Annotated[float, Field(allow_inf_nan=False)]


class MotionFile(BaseModel):
    """The motion of some frames, in order: x, y, angle, and 1 if it is to be ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: StrictInt
    last: StrictBool
    size: tuple[StrictInt, StrictInt]
    motions: tuple[tuple[Number, Number, Number, Annotated[StrictInt, Field(ge=0, le=1)]], ...]


def name(number: int) -> str:
    """Return the path of a checkpoint."""
    return f"{CHECKPOINTS}motion-{number:04}.json"


@dataclass(kw_only=True)
class MotionCheckpoints:
    """The checkpoints of one video. `saved` counts the frames whose motion they have."""

    work: Work
    size: tuple[int, int]
    frames: int = FRAMES
    saved: int = 0

    def resume(self, earlier: frozenset[str]) -> tuple[list[Motion], bool]:
        """Return the motion that earlier attempts detected from the first frame on, and whether that is all of it.

        It comes from the drop: the first file that is not exactly what it must be ends what is believed.
        """
        found: list[Motion] = []
        for number in range(len(earlier)):
            file = self._read(number) if name(number) in earlier else None
            if file is None:
                break
            found += [Motion(x, y, angle, bool(ignored)) for x, y, angle, ignored in file.motions]
            self.saved = len(found)
            if file.last:
                return found, True
        return found, False

    def save(self, found: Sequence[Motion], *, last: bool) -> None:
        """Save every checkpoint that is complete and was not saved before."""
        while len(found) - self.saved >= self.frames or (last and self.saved < len(found)):
            chunk = found[self.saved : self.saved + self.frames]
            is_last = last and self.saved + self.frames >= len(found)
            path = name(self.saved // self.frames)
            rows = [[motion.x, motion.y, motion.angle, int(motion.ignored)] for motion in chunk]
            content = {"first": self.saved, "last": is_last, "size": self.size, "motions": rows}
            self.work.output(path).write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="ascii")
            self.work.checkpoint(path)
            self.saved += len(chunk)

    def _read(self, number: int) -> MotionFile | None:
        path: Path = self.work.output(name(number))
        try:
            with path.open("rb") as opened:
                file = MotionFile.model_validate_json(opened.read(MAX_BYTES))
        except (OSError, ValidationError):
            return None
        count = len(file.motions)
        complete = count == self.frames or (file.last and 0 < count <= self.frames)
        sensible = all(Motion(x, y, angle).is_sensible(max(self.size)) for x, y, angle, _ in file.motions)
        fits = file.first == number * self.frames and file.size == self.size
        return file if fits and complete and sensible else None


def save_gaussian(work: Work) -> None:
    """Save that the Gaussian path is the video's."""
    work.output(GAUSSIAN).write_text("true\n", encoding="ascii")
    work.checkpoint(GAUSSIAN)
