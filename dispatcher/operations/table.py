"""The operations there are, one for each kind that works on a file."""

from __future__ import annotations

from dispatcher.operations import Operation
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
