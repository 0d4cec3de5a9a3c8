"""Loudness by EBU R128 in two passes: each sound is measured whole, then turned up or down by what it lacks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from colab.handlers.encode.graph import RATE, Graph
from media.audio import LOUDNESS_FILTER, MeasuredLoudness, parse_loudness
from media.ffmpeg import MAX_RUN_S, Ffmpeg
from protocol.kinds.kind import CHECKPOINTS

PEAK_DBTP = -1.5
HEADROOM_DB = 0.5
"""Codecs of sound overshoot the peaks they were given."""

QUIETEST_LUFS = -69.0
"""What is softer is silence, by BS.1770's gate."""

NEAR_LU = 0.2
CORRECTIONS = 3

CHECKPOINT = CHECKPOINTS + "loudness.json"
MAX_BYTES = 1 << 16

Decibels = Annotated[float, Field(ge=-200, le=200, allow_inf_nan=False)]


class Levelled(BaseModel):
    """What a sound lacks, as it was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gain_db: Decibels | None = None  # None for a silent one
    peak_dbtp: Decibels | None = None  # where its peaks would be, if they must be limited
    short_lu: Decibels = 0.0  # how far it stays from the loudness wanted then

    @property
    def filter(self) -> str:
        """Return the filter that brings the sound to its loudness."""
        if self.gain_db is None:
            return "anull"
        return f"volume={self.gain_db:.2f}dB" if self.peak_dbtp is None else _limited(self.gain_db)

    def note(self, place: int, lufs: float) -> str | None:
        """Return what should not go unsaid of it."""
        if self.gain_db is None:
            return f"sound {place + 1} is silent: its loudness stays as it is"
        if self.peak_dbtp is None:
            return None
        told = f"sound {place + 1}: peaks that would reach {self.peak_dbtp:.1f} dBTP are limited to"
        less = f"; it comes no nearer to {lufs:g} LUFS than {abs(self.short_lu):.1f} LU"
        return f"{told} {PEAK_DBTP - HEADROOM_DB} dBTP{less if abs(self.short_lu) > 1 else ''}"


def level(
    ffmpeg: Ffmpeg, graph: Graph, place: int, lufs: float, *, on_progress: Callable[[float], None] | None = None
) -> Levelled:
    """Measure a sound and return what it lacks: one gain for all of it.

    Peaks that would then stand out are limited, which costs a little loudness: that is measured and made up for.
    """

    def measured(through: str | None = None) -> MeasuredLoudness:
        last = ",".join(filter(None, [through, LOUDNESS_FILTER]))
        arguments = graph.measuring(place, last)
        told = ffmpeg.run(arguments, duration_s=graph.seconds, on_progress=on_progress, timeout_s=MAX_RUN_S)
        return parse_loudness(told)

    found = measured()
    if not math.isfinite(found.integrated_lufs) or found.integrated_lufs < QUIETEST_LUFS:
        return Levelled()
    gain = lufs - found.integrated_lufs
    if (peak := found.true_peak_dbtp + gain) <= PEAK_DBTP - HEADROOM_DB:
        return Levelled(gain_db=gain)
    for _ in range(CORRECTIONS):
        short = lufs - measured(_limited(gain)).integrated_lufs
        gain += short
        if abs(short) < NEAR_LU:
            break
    return Levelled(gain_db=gain, peak_dbtp=peak, short_lu=short)


_LEVELS = TypeAdapter(list[Levelled])


def write(path: Path, levels: Sequence[Levelled]) -> None:
    """Write what was measured, for another attempt."""
    path.write_text(json.dumps([level.model_dump() for level in levels]) + "\n", encoding="ascii")


def read(path: Path, count: int) -> list[Levelled] | None:
    """Return what an earlier attempt measured of so many sounds; None for what is not that. It comes from the drop."""
    try:
        with path.open("rb") as file:
            levels = _LEVELS.validate_json(file.read(MAX_BYTES))
    except (OSError, ValidationError):
        return None
    return levels if len(levels) == count else None


def _limited(gain_db: float) -> str:
    """Return a gain, then a look-ahead limiter at four times the rate, where the peaks between samples show."""
    ceiling = 10 ** ((PEAK_DBTP - HEADROOM_DB) / 20)
    return (
        f"volume={gain_db:.2f}dB,aresample={4 * RATE},"
        f"alimiter=limit={ceiling:.4f}:attack=2:release=50:level=false,aresample={RATE}"
    )
