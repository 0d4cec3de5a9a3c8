"""How far vid.stab is with the camera's path, which it smooths over the whole film before it gives the first picture.

Newer versions do it in steps, each over all pictures, and tell them when they are debugged, which changes no picture.
Nothing tells how many it takes: as a rule about 30. Older versions do it in one go, in no time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.stabilize.motions import Motion, write_fitted
from media.ffmpeg import Ffmpeg

MOST_STEPS = 200
"""Where vid.stab gives up."""

_STEP = re.compile(r" +ipm +(\d{1,4}) +mu ")
_GIVEN_UP = re.compile(r"\[vid\.stab @ [^\]]+\] L1 camera path: ")
"""What it says where its steps come to nothing; it then goes on with the Gaussian path, as if asked for that one."""

_TRIED = "tried.trf"
_TELLS: dict[Path, bool] = {}


def tells(ffmpeg: Ffmpeg, folder: Path) -> bool:
    """Say whether this vid.stab tells its steps on stderr, by a film of a few pictures; asked once of each program.

    It is never asked to where it does not: a build with another solver would write them into the pictures, to stdout.
    """
    if ffmpeg.path not in _TELLS:
        _TELLS[ffmpeg.path] = _tries(ffmpeg, folder)
    return _TELLS[ffmpeg.path]


def _tries(ffmpeg: Ffmpeg, folder: Path) -> bool:
    write_fitted(folder / _TRIED, [Motion(n % 2, 0.0, 0.0) for n in range(8)])
    blank = ["-f", "lavfi", "-i", "color=size=64x64:rate=25"]
    chain = f"format=yuv420p,vidstabtransform=input={_TRIED}:debug=1"
    heard: list[bool] = []
    ffmpeg.run(
        [*blank, "-vf", chain, "-frames:v", "1", "-f", "null", "-"],
        listen=lambda line: heard.append(_STEP.match(line) is not None),
        folder=folder,
    )
    return any(heard)


@dataclass(kw_only=True)
class Smoothing:
    """The path in work. `tell` gets the part that is done, and the step; it is called in the thread of `tick`.

    So is `give_up`, once, where the steps came to nothing.
    """

    tell: Callable[[float, int], None]
    give_up: Callable[[], None]
    step: int = 0
    given_up: bool = False
    is_known: bool = False  # that it was given up

    def hear(self, line: str) -> None:
        """Take down a line that vid.stab's ffmpeg said."""
        if found := _STEP.match(line):
            self.step = int(found[1])
        elif _GIVEN_UP.match(line):
            self.given_up = True

    def tick(self) -> None:
        """Tell how far it is. A later step counts for less, because it is less likely to be needed."""
        self.tell((min(self.step, MOST_STEPS) / MOST_STEPS) ** (1 / 3), self.step)
        if self.given_up and not self.is_known:
            self.is_known = True
            self.give_up()

    def hear_and_tell(self, line: str) -> None:
        """Take down a line, and tell where it says how far it is."""
        before = self.step, self.given_up
        self.hear(line)
        if (self.step, self.given_up) != before:
            self.tick()
