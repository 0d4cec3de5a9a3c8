"""Where to cut a sound: in the longest silence near the place wanted, and failing that where it is quietest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.pcm import RATE, Samples

FRAME_S = 0.02
SHORTEST_S = 0.2
"""A silence that is worth being called one: shorter ones stand inside words."""

QUIET_DB = 35.0
"""How far below the loud parts of a window its silences are, or more."""

FLOOR = 1e-4
"""What is as quiet as this (-80 dBFS) is silence, whatever else there is."""

SMOOTH_FRAMES = 11

_FRAME = round(FRAME_S * RATE)


def cut_near(samples: Samples, earliest: int, latest: int) -> int:
    """Return the sample from `earliest` to `latest` at which to cut."""
    levels = frame_levels(samples[earliest:latest])
    if not levels.size:
        return latest
    silence = longest_run(levels <= _threshold(levels))
    if silence is not None and (silence[1] - silence[0]) * FRAME_S >= SHORTEST_S:
        return earliest + (silence[0] + silence[1]) * _FRAME // 2
    smoothed = np.convolve(levels, np.ones(SMOOTH_FRAMES) / SMOOTH_FRAMES, mode="same")
    edge = min(SMOOTH_FRAMES // 2, (levels.size - 1) // 2)  # beyond the ends there are no levels, not silence
    inner = smoothed[edge : levels.size - edge]
    return earliest + (edge + int(np.argmin(inner))) * _FRAME + _FRAME // 2


def windows(samples: Samples, longest_s: float) -> list[tuple[int, int]]:
    """Return spans that follow each other, none longer than `longest_s`, cut where it is quiet."""
    longest = round(longest_s * RATE)
    spans, start = [], 0
    while samples.size - start > longest:
        end = cut_near(samples, start + longest * 2 // 3, start + longest)
        spans.append((start, end))
        start = end
    return [*spans, (start, samples.size)] if samples.size > start else spans


def frame_levels(samples: Samples) -> NDArray[np.float64]:
    """Return the root mean square of each whole frame."""
    count = samples.size // _FRAME
    frames = samples[: count * _FRAME].reshape(count, _FRAME).astype(np.float64)
    levels: NDArray[np.float64] = np.sqrt(np.mean(frames * frames, axis=1)) if count else np.empty(0)
    return levels


def longest_run(quiet: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return the first of the longest runs of True as (start, end), None where there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    if not edges.size:
        return None
    starts, ends = edges[::2], edges[1::2]
    place = int(np.argmax(ends - starts))
    return int(starts[place]), int(ends[place])


def _threshold(levels: NDArray[np.float64]) -> float:
    loud = float(np.percentile(levels, 95))
    return max(FLOOR, loud * 10 ** (-QUIET_DB / 20))
