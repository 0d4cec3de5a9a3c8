"""What the contract suite needs to know of the kind encode."""

from __future__ import annotations

from pathlib import Path

from colab.handlers.encode import EncodeHandler
from colab.video.segments import SegmentLength
from tests.contract.handlers.case import HandlerCase
from tests.support.odd_media import film


def _source(folder: Path) -> Path:
    return film(folder / "film.mp4", size="96x64", seconds=0.75)


def _long(folder: Path) -> Path:
    return film(folder / "long.mkv", size="96x64", rate="20", seconds=2)


CASE = HandlerCase(
    kind="encode",
    params={"preset": "ultrafast", "loudness": -16},
    source=_source,
    long_source=_long,
    long_handler=EncodeHandler(segments=SegmentLength(fewest=8, most=8)),
)
