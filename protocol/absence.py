"""When what is not seen any more counts as removed: absence is no evidence until it has lasted (FORMAT.md R12)."""

from __future__ import annotations

GONE_LOOKS = 3
GONE_LOCAL_S = 2.0
GONE_REMOTE_S = 600.0
"""So many looks, over so long, must miss what was there before. On one machine two seconds are enough."""


class Missing:
    """Counts the looks that do not find one folder. Only fresh looks at a drop that answers may be told of here."""

    def __init__(self, *, local: bool) -> None:
        self._long_s = GONE_LOCAL_S if local else GONE_REMOTE_S
        self._since: float | None = None
        self._looks = 0

    def found(self) -> None:
        """Take note of a look that found it: it was never gone."""
        self._since, self._looks = None, 0

    def missed(self, now: float) -> bool:
        """Take note of a look that did not find it, and say whether it counts as removed by now."""
        self._since = now if self._since is None else self._since
        self._looks += 1
        return self._looks >= GONE_LOOKS and now - self._since >= self._long_s

    def left_s(self, now: float) -> float:
        """Return how much longer it must be missing at least."""
        return max(0.0, self._long_s - (now - (now if self._since is None else self._since)))
