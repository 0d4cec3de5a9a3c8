"""The table of kinds: what may be asked for, and what must come back."""

from __future__ import annotations

from protocol.kinds import analyze, echo, tts
from protocol.kinds.kind import Kind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (analyze.KIND, echo.KIND, tts.KIND)}
