"""Upscaling at the contract suite: a second of film, and a film in three pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.contract.handlers.case import HandlerCase
from tests.support import odd_media


def _source(folder: Path) -> Path:
    return odd_media.film(folder / "film.mkv")


def _long(folder: Path) -> Path:
    return odd_media.film(folder / "long.mkv", rate="20", seconds=2)


def _short_pieces(monkeypatch: Any) -> None:
    monkeypatch.setattr("colab.handlers.upscale.film.FEWEST", 16)
    monkeypatch.setattr("colab.handlers.upscale.lanczos.Lanczos.segment_pixels", 1)


CASE = HandlerCase(
    kind="upscale",
    params={"format": "mkv", "preset": "ultrafast"},
    source=_source,
    long_source=_long,
    shorten=_short_pieces,
    for_other={"picture": {"format": "png"}},
)
