"""Loudness by EBU R128 in two passes: each sound is measured whole, then turned up or down by what it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from colab.handlers.encode.graph import RATE, Graph
from media.audio import MEASURING, Loudness, loudness_told
from media.ffmpeg import Ffmpeg

PEAK_DBTP = -1.5
HEADROOM_DB = 0.5
"""Codecs of sound overshoot the peaks they were given."""

QUIETEST_LUFS = -69.0
"""What is softer is silence, by BS.1770's gate."""

LONGEST_S = 24 * 3600
NEAR_LU = 0.2
CORRECTIONS = 3


@dataclass(frozen=True, kw_only=True)
class Levelled:
    """The filter that brings a sound to its loudness, and what should not go unsaid of it."""

    filter: str
    note: str | None = None


def level(
    ffmpeg: Ffmpeg, graph: Graph, place: int, lufs: float, *, on_progress: Callable[[float], None] | None = None
) -> Levelled:
    """Measure a sound and return the filter for it: one gain for all of it.

    Peaks that would then stand out are limited, which costs a little loudness: that is measured and made up for.
    """

    def measured(through: str | None = None) -> Loudness:
        last = ",".join(filter(None, [through, MEASURING]))
        arguments = graph.measuring(place, last)
        told = ffmpeg.run(arguments, duration_s=graph.seconds, on_progress=on_progress, timeout_s=LONGEST_S)
        return loudness_told(told)

    found = measured()
    if not math.isfinite(found.integrated_lufs) or found.integrated_lufs < QUIETEST_LUFS:
        return Levelled(filter="anull", note=f"sound {place + 1} is silent: its loudness stays as it is")
    gain = lufs - found.integrated_lufs
    if (peak := found.true_peak_dbtp + gain) <= PEAK_DBTP - HEADROOM_DB:
        return Levelled(filter=f"volume={gain:.2f}dB")
    for _ in range(CORRECTIONS):
        short = lufs - measured(_limited(gain)).integrated_lufs
        gain += short
        if abs(short) < NEAR_LU:
            break
    note = f"sound {place + 1}: peaks that would reach {peak:.1f} dBTP are limited to {PEAK_DBTP - HEADROOM_DB} dBTP"
    if abs(short) > 1:
        note += f"; it comes no nearer to {lufs:g} LUFS than {abs(short):.1f} LU"
    return Levelled(filter=_limited(gain), note=note)


def _limited(gain_db: float) -> str:
    """Return a gain, then a look-ahead limiter at four times the rate, where the peaks between samples show."""
    ceiling = 10 ** ((PEAK_DBTP - HEADROOM_DB) / 20)
    return (
        f"volume={gain_db:.2f}dB,aresample={4 * RATE},"
        f"alimiter=limit={ceiling:.4f}:attack=2:release=50:level=false,aresample={RATE}"
    )
