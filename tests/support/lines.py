"""How tests are shared out when several run at once (`pytest -n 3`): by file, and those that film one by one.

A film is made in real time: of two that are made at once on a small machine, both may lack pictures.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parent.parent.parent


class Lines(LoadFileScheduling):
    """The tests of a file run in order in one process; the files that are marked `films` are as one file."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False  # files with few tests would come last, and they are the longest
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "films" if _films(file) else file


@cache
def _films(file: str) -> bool:
    return "pytest.mark.films" in (ROOT / file).read_text(encoding="utf-8")
