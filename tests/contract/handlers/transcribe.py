"""Transcripts, as the contract suite needs them: a sentence or two, heard by the embedded recogniser."""

from __future__ import annotations

from pathlib import Path

from colab.handlers.transcribe import TranscribeHandler
from tests.contract.handlers.case import HandlerCase
from tests.support.spoken import spoken


def _source(folder: Path) -> Path:
    return spoken(folder / "talk.wav", "what can you do for your country", pause_s=0.4)


def _long(folder: Path) -> Path:
    return spoken(folder / "long.wav", "what can you do", "for your country", "this is the time", "we are here")


CASE = HandlerCase(
    kind="transcribe",
    params={"formats": ["srt", "vtt", "ass", "txt", "tsv", "json"]},
    source=_source,
    long_source=_long,
    long_handler=TranscribeHandler(piece_s=2.5, checkpoint_s=0.0),
    accepts=dict.fromkeys(["without sound", "one frame", "variable rate", "hdr and 10 bits"], "BAD_REQUEST"),
)
