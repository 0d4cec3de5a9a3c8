"""What is kept of the first pass, so that no later attempt looks for the motion of the same pictures again.

A part holds the motion of PART pictures; the last one of a film holds what is left of them, and says that it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from colab.handlers.stabilize.motions import Motion
from colab.handlers.work import Work
from protocol.kinds.kind import CHECKPOINTS

PART = 1500
"""Pictures: at 25 a second of a film of 1080 lines, about half a minute of work."""

MAX_BYTES = 1 << 20

GAUSSIAN = f"{CHECKPOINTS}gaussian-path.json"
"""Where it is left that vid.stab gave up the path that it looks for in steps: no later attempt looks for it again."""

Number = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """The motion of some pictures, in order: x, y, angle, and 1 where it is to be ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: StrictInt
    last: StrictBool
    size: tuple[StrictInt, StrictInt]
    motions: tuple[tuple[Number, Number, Number, Annotated[StrictInt, Field(ge=0, le=1)]], ...]


def name(part: int) -> str:
    """Return where a part lies."""
    return f"{CHECKPOINTS}motion-{part:04}.json"


def take_up(work: Work, kept: frozenset[str], size: tuple[int, int]) -> tuple[list[Motion], bool]:
    """Return what earlier attempts found from the film's beginning on, and whether that is all of it.

    It comes from the drop: a part that is not exactly what one must be ends what is believed.
    """
    found: list[Motion] = []
    for part in range(len(kept)):
        if name(part) not in kept:
            break
        read = _read(work.output(name(part)), part * PART, size)
        if read is None:
            break
        found += [Motion(x, y, angle, bool(ignored)) for x, y, angle, ignored in read.motions]
        if read.last:
            return found, True
    return found, False


def leave(work: Work, found: Sequence[Motion], size: tuple[int, int], *, before: int, last: bool) -> int:
    """Publish every part that is complete and was not before; return how many pictures are kept then."""
    done = before
    while len(found) - done >= PART or (last and done < len(found)):
        chunk = found[done : done + PART]
        is_last = last and done + PART >= len(found)
        path = name(done // PART)
        rows = [[motion.x, motion.y, motion.angle, int(motion.ignored)] for motion in chunk]
        told = {"first": done, "last": is_last, "size": size, "motions": rows}
        work.output(path).write_text(json.dumps(told, separators=(",", ":")) + "\n", encoding="ascii")
        work.checkpoint(path)
        done += len(chunk)
    return done


def leave_gaussian(work: Work) -> None:
    """Leave that the Gaussian path is the film's."""
    work.output(GAUSSIAN).write_text("true\n", encoding="ascii")
    work.checkpoint(GAUSSIAN)


def _read(path: Path, first: int, size: tuple[int, int]) -> Part | None:
    try:
        with path.open("rb") as file:
            part = Part.model_validate_json(file.read(MAX_BYTES))
    except (OSError, ValidationError):
        return None
    count = len(part.motions)
    complete = count == PART or (part.last and 0 < count <= PART)
    sensible = all(Motion(x, y, angle).is_sensible(max(size)) for x, y, angle, _ in part.motions)
    return part if part.first == first and part.size == size and complete and sensible else None
