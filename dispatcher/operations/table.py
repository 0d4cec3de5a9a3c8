"""The operations, one for each kind that works on a file.

Those that are written down are known to a type checker; any other kind has its operation too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatcher.operations import Operation
from protocol.kinds import KINDS
from protocol.kinds import analyze as _analyze
from protocol.kinds import encode as _encode
from protocol.kinds import enhance as _enhance
from protocol.kinds import stabilize as _stabilize
from protocol.kinds import transcribe as _transcribe
from protocol.kinds import upscale as _upscale

analyze = Operation("analyze", _analyze.Params)
encode = Operation("encode", _encode.Params)
enhance = Operation("enhance", _enhance.Params)
stabilize = Operation("stabilize", _stabilize.Params)
transcribe = Operation("transcribe", _transcribe.Params)
upscale = Operation("upscale", _upscale.Params)


if not TYPE_CHECKING:  # a type checker knows the names above, and finds any other wrong

    def __getattr__(name: str) -> Any:
        kind = KINDS.get(name)
        if kind is None or not kind.takes:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = Operation(kind.name, kind.params)
        return globals()[name]
