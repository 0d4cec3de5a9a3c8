"""What the contract suite needs to know of the kind encode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.contract.handlers.case import HandlerCase
from tests.support.odd_media import film


def _source(folder: Path) -> Path:
    return film(folder / "film.mp4", size="96x64", seconds=0.75)


def _long(folder: Path) -> Path:
    return film(folder / "long.mkv", size="96x64", rate="20", seconds=2)


def _short_pieces(monkeypatch: Any) -> None:
    monkeypatch.setattr("colab.handlers.pieces.pace.FEWEST", 8)
    monkeypatch.setattr("colab.handlers.pieces.pace.PIECE_S", 0)


CASE = HandlerCase(
    kind="encode",
    params={"preset": "ultrafast", "loudness": -16},
    source=_source,
    long_source=_long,
    shorten=_short_pieces,
)
