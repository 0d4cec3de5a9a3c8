"""How much longer movements and typing take than planned: on a busy machine they do, and the video shows it."""

from __future__ import annotations

SLOW_S, SLOW_FACTOR = 2.0, 1.25
"""A step is slow if it lasts at least this much longer than planned: in seconds, and as a factor."""


class PaceLog:
    """Adds up planned and actual seconds of everything whose duration is known beforehand."""

    def __init__(self) -> None:
        self._excess_s = 0.0

    def clear(self) -> None:
        """Start a new take."""
        self._excess_s = 0.0

    def add(self, planned_s: float, actual_s: float) -> None:
        """Add a movement, or some typing."""
        self._excess_s += max(0.0, actual_s - planned_s)

    def planned_s(self, actual_s: float) -> float:
        """Return how long the actions of a take would have lasted at the planned pace."""
        return max(0.0, actual_s - self._excess_s)


def slow_step_warning(planned_s: float, actual_s: float) -> str | None:
    """Return the warning for a step that lasted much longer than planned; None if it did not."""
    if actual_s < planned_s + SLOW_S or actual_s < planned_s * SLOW_FACTOR:
        return None
    return (
        f"lasts {actual_s:.1f} s instead of {planned_s:.1f} s, because this machine was too busy for smooth movements "
        "and typing; record again when it is idle"
    )
