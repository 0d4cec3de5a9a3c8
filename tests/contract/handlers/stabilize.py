"""What the contract suite needs to know of the kind stabilize."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.contract.handlers.case import HandlerCase
from tests.support.odd_media import film


def _source(folder: Path) -> Path:
    return film(folder / "shaky.mp4", size="96x64", seconds=0.75)


def _shorten(monkeypatch: Any) -> None:
    monkeypatch.setattr("colab.handlers.stabilize.kept.PART", 4)
    monkeypatch.setattr("colab.handlers.pieces.pace.FEWEST", 8)
    monkeypatch.setattr("colab.handlers.pieces.pace.PIECE_S", 0)


CASE = HandlerCase(
    kind="stabilize",
    params={"preset": "ultrafast"},
    source=_source,
    shorten=_shorten,
    accepts={"hdr and 10 bits": "UNSUPPORTED"},
)
