"""How far vid.stab is with the camera's path, which it smooths over the whole video before it gives the first frame.

Newer versions do it in steps, each over all frames, and print them in debug mode, which changes no frame. The number
of steps is not known before: usually about 30. Older versions do it in one step, in no time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.stabilize.motions import Motion, write_fitted
from media.ffmpeg import Ffmpeg

MOST_STEPS = 200
"""vid.stab gives up after so many."""

_STEP = re.compile(r" +ipm +(\d{1,4}) +mu ")
_GIVEN_UP = re.compile(r"\[vid\.stab @ [^\]]+\] L1 camera path: ")
"""What it prints if its steps find no path; it then continues with the Gaussian path, as if asked for that one."""

_TRIAL = "trial.trf"
_PRINTS: dict[Path, bool] = {}


def prints_steps(ffmpeg: Ffmpeg, folder: Path) -> bool:
    """Say whether this vid.stab prints its steps on stderr, by a video of a few frames; tried once for each program.

    If it does not, debug mode is never used: a build with another solver would write them to stdout, into the frames.
    """
    if ffmpeg.path not in _PRINTS:
        _PRINTS[ffmpeg.path] = _try(ffmpeg, folder)
    return _PRINTS[ffmpeg.path]


def _try(ffmpeg: Ffmpeg, folder: Path) -> bool:
    write_fitted(folder / _TRIAL, [Motion(n % 2, 0.0, 0.0) for n in range(8)])
    blank = ["-f", "lavfi", "-i", "color=size=64x64:rate=25"]
    chain = f"format=yuv420p,vidstabtransform=input={_TRIAL}:debug=1"
    heard: list[bool] = []
    ffmpeg.run(
        [*blank, "-vf", chain, "-frames:v", "1", "-f", "null", "-"],
        listen=lambda line: heard.append(_STEP.match(line) is not None),
        folder=folder,
    )
    return any(heard)


@dataclass(kw_only=True)
class Smoothing:
    """The path being smoothed. `report` gets the share that is done, and the step, in the thread that calls `tick`.

    So is `give_up` called, once, if the steps find no path.
    """

    report: Callable[[float, int], None]
    give_up: Callable[[], None]
    step: int = 0
    given_up: bool = False
    is_known: bool = False  # that it was given up

    def hear(self, line: str) -> None:
        """Note a line that vid.stab's ffmpeg printed."""
        if found := _STEP.match(line):
            self.step = int(found[1])
        elif _GIVEN_UP.match(line):
            self.given_up = True

    def tick(self) -> None:
        """Report how far it is. A later step counts for less, because it is less likely to be needed."""
        self.report((min(self.step, MOST_STEPS) / MOST_STEPS) ** (1 / 3), self.step)
        if self.given_up and not self.is_known:
            self.is_known = True
            self.give_up()

    def hear_and_report(self, line: str) -> None:
        """Note a line, and report if it says how far it is."""
        before = self.step, self.given_up
        self.hear(line)
        if (self.step, self.given_up) != before:
            self.tick()
