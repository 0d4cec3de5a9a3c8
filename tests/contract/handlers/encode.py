"""What the contract suite needs to know of the kind encode."""

from __future__ import annotations

from pathlib import Path

from tests.contract.handlers.case import HandlerCase
from tests.support.odd_media import film


def _source(folder: Path) -> Path:
    return film(folder / "film.mp4", size="96x64", seconds=0.75)


CASE = HandlerCase(kind="encode", params={"preset": "ultrafast", "loudness": -16}, source=_source)
