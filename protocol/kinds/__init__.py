"""The table of kinds: what may be asked for, and what must come back."""

from __future__ import annotations

from protocol.kinds import echo, enhance, tts
from protocol.kinds.kind import Kind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (echo.KIND, enhance.KIND, tts.KIND)}
