"""Records a talk: slides, a web page, more slides. Spoken on this machine; nothing else is running.

The page lies beside the spec and is opened as a file, so that there is no server. What the demo does is told on
stderr; the film's path is the last line on stdout.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from staging import ROOT, record, run, say  # noqa: E402  # the examples are no package

TOUR = HERE / "tour.json"
FILM = "slides-and-demo.mp4"


def _film(output: Path, scratch: Path, _stack: contextlib.ExitStack) -> int:
    say(f"recording {TOUR.relative_to(ROOT)}")
    return record(TOUR, output / FILM, scratch / "data", "--tts-backend", "local")


if __name__ == "__main__":
    sys.exit(run(_film, FILM, "Film slides and a demo in one talk.", ROOT / "demo-output" / "slides"))
