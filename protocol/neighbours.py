"""Whether two parties of a drop use one folder of one running machine: only that proof makes a folder "local".

Both ids are keyed hashes: a card does not reveal its machine, and cards in two drops cannot be compared.
"""

from __future__ import annotations

import hashlib
import hmac

from protocol.drop import Capabilities, TimeLimits
from protocol.messages import Whereabouts

_DIGITS = 16


def whereabouts(capabilities: Capabilities, drop_id: str, system: str | None) -> Whereabouts | None:
    """Return the proof that a party adds to its card or offer; None where the system or the folder has no id.

    `system` is a secret that every process of this machine, and no other machine, knows until the next restart.
    """
    if system is None or not capabilities.folder:
        return None
    return Whereabouts(
        host=_hashed(system, f"gpudrop host {drop_id}"),
        folder=_hashed(system, f"gpudrop folder {drop_id} {capabilities.folder}"),
    )


def _hashed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:_DIGITS]


class Neighbours:
    """Tells which parties of a drop are processes of this machine that use the same folder."""

    def __init__(self, capabilities: Capabilities, drop_id: str, system: str | None) -> None:
        self._capabilities = capabilities
        self.here = whereabouts(capabilities, drop_id, system)

    def is_here(self, theirs: Whereabouts | None) -> bool:
        """Say whether a party has proved to be here. Where there is nothing to prove, the drop itself decides."""
        if not self._capabilities.folder:
            return self._capabilities.local
        return self.here is not None and theirs == self.here

    def limits(self, *, is_here: bool) -> TimeLimits:
        """Return the time limits for a party that is here, or is not known to be."""
        return self._capabilities.limits_for(is_here=is_here)
