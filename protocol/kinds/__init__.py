"""The table of kinds: what may be asked for, and what must come back."""

from __future__ import annotations

from protocol.kinds import analyze, echo, encode, enhance, stabilize, transcribe, tts, upscale
from protocol.kinds.kind import Kind

_ALL = (analyze.KIND, echo.KIND, encode.KIND, enhance.KIND, stabilize.KIND, transcribe.KIND, tts.KIND, upscale.KIND)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
