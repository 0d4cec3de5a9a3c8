"""Transcripts, as the contract suite needs them: a sentence or two, heard by the embedded recogniser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.contract.handlers.case import HandlerCase
from tests.support.spoken import spoken


def _source(folder: Path) -> Path:
    return spoken(folder / "talk.wav", "what can you do for your country", pause_s=0.4)


def _long(folder: Path) -> Path:
    return spoken(folder / "long.wav", "what can you do", "for your country", "this is the time", "we are here")


def _shorten(monkeypatch: Any) -> None:
    monkeypatch.setattr("colab.handlers.transcribe.sphinx.PIECE_S", 2.5)
    monkeypatch.setattr("colab.handlers.transcribe.listening.CHECKPOINT_S", 0.0)


CASE = HandlerCase(
    kind="transcribe",
    params={"formats": ["srt", "vtt", "ass", "txt", "tsv", "json"]},
    source=_source,
    long_source=_long,
    shorten=_shorten,
    accepts=dict.fromkeys(["without sound", "one frame", "variable rate", "hdr and 10 bits"], "BAD_REQUEST"),
)
