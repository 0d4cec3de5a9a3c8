"""What an attempt leaves for the next one: the rows of the pictures so far, the sound, what was seen in the shots.

It comes back from the drop, so nothing of it is believed: what is not exactly as long and as sound as it should be is
as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from colab.handlers.analyze.engine import FrameContent
from colab.handlers.analyze.rows import MOST, WIDTH, FrameTable, Times, Values
from media.examine import MAX_SECONDS
from media.sampling import Frame
from protocol import codec
from protocol.errors import BadMessage
from protocol.kinds.analysis import MAX_SHOTS, MAX_SPANS, Loudness, Span
from protocol.kinds.kind import CHECKPOINTS

SOUND = f"{CHECKPOINTS}sound.json"
MAX_ROWS = 1 << 22
_ROWS = re.compile(re.escape(CHECKPOINTS) + r"rows-(\d{4})\.bin")
_SEEN = re.compile(re.escape(CHECKPOINTS) + r"seen-(\d{4})\.json")
_HEADER = 64
_MAGIC = "gpudrop-rows-1"
_JSON_BYTES = 64 << 20

_Told = TypeVar("_Told", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Saving:
    """How often checkpoints are saved."""

    every_s: float = 40.0  # how much work may be lost
    sound_after_s: float = 10.0  # a shorter job has nothing to lose


SAVING = Saving()


def rows_path(number: int) -> str:
    """Return where the rows of a stretch lie."""
    return f"{CHECKPOINTS}rows-{number:04d}.bin"


def seen_path(number: int) -> str:
    """Return where what was seen in some shots lies."""
    return f"{CHECKPOINTS}seen-{number:04d}.json"


def row_numbers(kept: Iterable[str]) -> list[int]:
    """Return the numbers of the stretches that an earlier attempt left, rising."""
    return _numbers(_ROWS, kept)


def seen_numbers(kept: Iterable[str]) -> list[int]:
    """Return the numbers of what an earlier attempt saw, rising."""
    return _numbers(_SEEN, kept)


def _numbers(pattern: re.Pattern[str], kept: Iterable[str]) -> list[int]:
    return sorted(int(found[1]) for path in kept if (found := pattern.fullmatch(path)))


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The rows from picture number `first` on, and the picture that frozen ones are compared with after them."""

    first: int
    times: Times
    values: Values
    reference: Frame


def written(rows: FrameTable, first: int, reference: Frame) -> bytes:
    """Return a stretch as bytes: a line that says how much there is, then numbers."""
    times, values = rows.part(first)
    height, width = reference.shape[:2]
    header = f"{_MAGIC} {first} {len(times)} {WIDTH} {width} {height}".ljust(_HEADER - 1) + "\n"
    return b"".join([header.encode("ascii"), times.tobytes(), values.tobytes(), reference.tobytes()])


def read(file: Path, size: tuple[int, int]) -> Stretch | None:
    """Return a stretch, None for anything that is none of pictures of this size."""
    try:
        with file.open("rb") as opened:
            header = opened.read(_HEADER).decode("ascii").split()
            if len(header) != 6 or header[0] != _MAGIC or header[3:] != [str(WIDTH), str(size[0]), str(size[1])]:
                return None
            first, count = int(header[1]), int(header[2])
            pixels = size[0] * size[1] * 3
            length = count * (8 + 4 * WIDTH) + pixels
            if not (0 <= first <= MAX_ROWS and 0 < count <= MAX_ROWS) or file.stat().st_size != _HEADER + length:
                return None
            data = opened.read(length)
    except (OSError, ValueError):
        return None
    return _checked(data, first, count, size)


def _checked(data: bytes, first: int, count: int, size: tuple[int, int]) -> Stretch | None:
    times = np.frombuffer(data, np.float64, count)
    values = np.frombuffer(data, np.float32, count * WIDTH, offset=8 * count).reshape(count, WIDTH)
    reference = np.frombuffer(data, np.uint8, offset=count * (8 + 4 * WIDTH)).reshape(size[1], size[0], 3)
    sound = np.isfinite(times).all() and np.isfinite(values).all() and times[0] >= 0 and (np.diff(times) > 0).all()
    if not (
        sound and times[-1] <= MAX_SECONDS and (values >= 0).all() and (values <= np.array(MOST, np.float32)).all()
    ):
        return None
    return Stretch(first=first, times=times, values=values, reference=reference)


class MeasuredSound(BaseModel):
    """A sound that was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loudness: Loudness
    silence: tuple[Span, ...] = Field(max_length=MAX_SPANS)


class SavedContents(BaseModel):
    """What was seen in the shots from number `first` on, from 0, by the pictures at `places`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int = Field(ge=0)
    places: tuple[int, ...] = Field(max_length=MAX_SHOTS)
    seen: tuple[FrameContent, ...] = Field(max_length=MAX_SHOTS)


def as_json(told: BaseModel) -> bytes:
    """Return what `read_sound` and `read_seen` read."""
    return codec.canon(told.model_dump(mode="json"))


def read_sound(file: Path) -> MeasuredSound | None:
    """Return what was heard, None for anything else."""
    return _json(file, MeasuredSound)


def read_seen(file: Path) -> SavedContents | None:
    """Return what was seen, None for anything else."""
    looked = _json(file, SavedContents)
    return looked if looked is not None and len(looked.places) == len(looked.seen) > 0 else None


def _json(file: Path, kind: type[_Told]) -> _Told | None:
    try:
        if file.stat().st_size > _JSON_BYTES:
            return None
        return kind.model_validate(codec.loads(file.read_bytes(), limit=_JSON_BYTES))
    except (OSError, BadMessage, ValidationError):
        return None
