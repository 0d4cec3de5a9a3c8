"""A drop that does not answer, in the worker's log: said when it begins, when it changes and when it is over."""

from __future__ import annotations

import logging

from colab.cell import remounted
from protocol.errors import ChannelError

log = logging.getLogger(__name__)


class Trouble:
    """What the drop's last failure was; hours of the same one are one line."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._told: str | None = None

    def met(self, error: ChannelError) -> None:
        """Tell of a failed look, unless it failed in the same way before."""
        text = str(error)
        if text != self._told:
            end = "" if text.endswith((".", "?", "!")) else "."
            log.warning("%s%s Trying again every %.0f s.%s", text, end, self._every_s, remounted(error))
        self._told = text

    def over(self) -> None:
        """Tell that the drop answers again, if it did not."""
        if self._told is not None:
            log.info("the drop answers again")
        self._told = None
