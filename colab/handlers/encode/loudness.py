"""Loudness by EBU R128 in two passes: each sound is measured whole, then turned up or down by what it lacks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from colab.handlers.encode.graph import RATE, Graph
from media.ffmpeg import Ffmpeg
from protocol.errors import MediaError

PEAK_DBTP = -1.5
RANGE_LU, WIDEST_LU = 11.0, 50.0
_MEASURED = {"I": "input_i", "TP": "input_tp", "LRA": "input_lra", "thresh": "input_thresh"}
QUIETEST_LUFS = -70.0
"""What is softer is silence, by BS.1770's gate."""


@dataclass(frozen=True, kw_only=True)
class Levelled:
    """The filter that brings a sound to its loudness, and what should not go unsaid of it."""

    filter: str
    note: str | None = None


def level(
    ffmpeg: Ffmpeg,
    graph: Graph,
    place: int,
    lufs: float,
    *,
    seconds: float,
    on_progress: Callable[[float], None] | None = None,
) -> Levelled:
    """Measure a sound of so many seconds and return the filter for it: one gain, as long as its peaks leave room."""
    first = f"loudnorm=I={lufs:.2f}:TP={PEAK_DBTP}:LRA={RANGE_LU}:print_format=json"
    found = _read(ffmpeg.run(graph.measuring(place, first), duration_s=graph.seconds, on_progress=on_progress))
    if not found["input_i"] > QUIETEST_LUFS:
        return Levelled(filter="anull", note=f"sound {place + 1} is silent: its loudness stays as it is")
    gain = lufs - found["input_i"]
    if (peak := found["input_tp"] + gain) <= PEAK_DBTP:
        return Levelled(filter=f"volume={gain:.3f}dB")
    note = f"sound {place + 1}: its peaks would reach {peak:.1f} dBTP, so its loudness is evened out as it goes"
    return Levelled(filter=_evened(lufs, found, seconds), note=note)


def _evened(lufs: float, found: Mapping[str, float], seconds: float) -> str:
    """Return the filter that turns a sound up and down as it goes; it adds a tenth of a second, which is cut away."""
    wide = min(WIDEST_LU, max(RANGE_LU, math.ceil(found["input_lra"])))
    measured = ":".join(f"measured_{name}={found[asked]:.2f}" for name, asked in _MEASURED.items())
    evened = f"loudnorm=I={lufs:.2f}:TP={PEAK_DBTP}:LRA={wide:.0f}:{measured}:linear=false"
    return f"{evened},aresample={RATE},atrim=end={seconds:.6f}"


def _read(told: str) -> dict[str, float]:
    """Return what the measuring pass says; it is the last thing that ffmpeg prints in braces."""
    start, end = told.rfind("{"), told.rfind("}")
    try:
        raw = json.loads(told[start : end + 1])
        return {name: float(raw[name]) for name in _MEASURED.values()}
    except (ValueError, KeyError, TypeError) as error:
        raise MediaError("ffmpeg's account of the loudness could not be read") from error
