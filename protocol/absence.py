"""When what is not seen any more counts as removed: absence is no evidence until it has lasted (FORMAT.md R12)."""

from __future__ import annotations

GONE_LOOKS = 3
"""So many looks at least must miss what was there before, over the time that the drop's limits say (`gone_s`)."""


class Missing:
    """Counts the looks that do not find one folder. Only fresh looks at a drop that answers may be told of here."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._looks = 0

    def found(self) -> None:
        """Take note of a look that found it: it was never gone."""
        self._since, self._looks = None, 0

    def missed(self, now: float, gone_s: float) -> bool:
        """Take note of a look that did not find it; say whether it counts as removed, after `gone_s` seconds."""
        self._since = now if self._since is None else self._since
        self._looks += 1
        return self._looks >= GONE_LOOKS and now - self._since >= gone_s

    def left_s(self, now: float, gone_s: float) -> float:
        """Return how much longer it must be missing at least."""
        return max(0.0, gone_s - (now - (now if self._since is None else self._since)))
