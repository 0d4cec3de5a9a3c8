"""Loudness by EBU R128 in two passes: each sound is measured whole, then turned up or down by what it lacks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from colab.handlers.encode.graph import RATE, Graph
from media.ffmpeg import Ffmpeg
from protocol.errors import MediaError

PEAK_DBTP = -1.5
RANGE_LU, WIDEST_LU = 11.0, 50.0
QUIETEST_LUFS = -70.0
"""What is softer is silence, by BS.1770's gate."""


@dataclass(frozen=True, kw_only=True)
class Levelled:
    """The filter that brings a sound to its loudness, and what should not go unsaid of it."""

    filter: str
    note: str | None = None


def level(
    ffmpeg: Ffmpeg, graph: Graph, place: int, lufs: float, on_progress: Callable[[float], None] | None = None
) -> Levelled:
    """Measure a sound and return the filter for it: one gain for all of it, as long as its peaks leave room."""
    first = f"loudnorm=I={lufs:.2f}:TP={PEAK_DBTP}:LRA={RANGE_LU}:print_format=json"
    told = ffmpeg.run(graph.measuring(place, first), duration_s=graph.seconds, on_progress=on_progress)
    found = _read(told)
    if not found["input_i"] > QUIETEST_LUFS:
        return Levelled(filter="anull", note=f"sound {place + 1} is silent: its loudness stays as it is")
    wide = min(WIDEST_LU, max(RANGE_LU, math.ceil(found["input_lra"])))
    measured = (
        f"measured_I={found['input_i']:.2f}:measured_TP={found['input_tp']:.2f}:measured_LRA={found['input_lra']:.2f}"
        f":measured_thresh={found['input_thresh']:.2f}"
    )
    told_filter = f"loudnorm=I={lufs:.2f}:TP={PEAK_DBTP}:LRA={wide:.0f}:{measured}:linear=true,aresample={RATE}"
    peak = found["input_tp"] + lufs - found["input_i"]
    if peak <= PEAK_DBTP:
        return Levelled(filter=told_filter)
    note = f"sound {place + 1}: its peaks would reach {peak:.1f} dBTP, so its loudness is evened out as it goes"
    return Levelled(filter=told_filter, note=note)


def _read(told: str) -> dict[str, float]:
    """Return what the measuring pass says; it is the last thing that ffmpeg prints in braces."""
    start, end = told.rfind("{"), told.rfind("}")
    try:
        raw = json.loads(told[start : end + 1])
        return {name: float(raw[name]) for name in ("input_i", "input_tp", "input_lra", "input_thresh")}
    except (ValueError, KeyError, TypeError) as error:
        raise MediaError("ffmpeg's account of the loudness could not be read") from error
