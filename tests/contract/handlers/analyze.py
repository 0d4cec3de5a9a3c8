"""The analysis of media, for the contract suite."""

from __future__ import annotations

from pathlib import Path

from colab.handlers.analyze import AnalyzeHandler
from colab.handlers.analyze.resume import Saving
from tests.contract.handlers.case import HandlerCase
from tests.support import odd_media


def _small(folder: Path) -> Path:
    return odd_media.film(folder / "small.mp4", seconds=1)


def _long(folder: Path) -> Path:
    return odd_media.film(folder / "long.mp4", seconds=4, rate="25")


CASE = HandlerCase(
    kind="analyze",
    params={"sheet": True, "size": 64, "sheet_width": 64},
    source=_small,
    long_source=_long,
    long_handler=AnalyzeHandler(saving=Saving(every_s=0.0)),
    for_other={"sound": {"sheet": False}},
)
