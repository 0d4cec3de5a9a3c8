"""The table of cases: one for each kind that is not the pattern of the others."""

from __future__ import annotations

from tests.contract.handlers import analyze, encode, enhance, stabilize, transcribe, upscale
from tests.contract.handlers.case import HandlerCase

CASES: tuple[HandlerCase, ...] = (
    analyze.CASE,
    encode.CASE,
    enhance.CASE,
    stabilize.CASE,
    transcribe.CASE,
    upscale.CASE,
)
