"""When something that is missing counts as removed: only after it has been missing for a while (FORMAT.md R12)."""

from __future__ import annotations

GONE_LOOKS = 3
"""At least this many checks must miss what was there before, over the time in the drop's limits (`gone_s`)."""


class Missing:
    """Counts the checks that do not find one folder. Only fresh checks of a drop that answers count."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._looks = 0

    def found(self) -> None:
        """Record a check that found it: it was never gone."""
        self._since, self._looks = None, 0

    def missed(self, now: float, gone_s: float) -> bool:
        """Record a check that did not find it; say whether it counts as removed, after `gone_s` seconds."""
        self._since = now if self._since is None else self._since
        self._looks += 1
        return self._looks >= GONE_LOOKS and now - self._since >= gone_s

    def left_s(self, now: float, gone_s: float) -> float:
        """Return how much longer it must at least be missing."""
        return max(0.0, gone_s - (now - (now if self._since is None else self._since)))
