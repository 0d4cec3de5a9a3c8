"""Records a tour of a small documentation site, served by Python's own server. Spoken on this machine.

Every step opens its own page. What the demo does is told on stderr; the film's path is the last line on stdout.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from staging import ROOT, record, run, say, static_site  # noqa: E402  # the examples are no package

TOUR = HERE / "tour.json"
FILM = "docs-tour.mp4"


def _film(output: Path, scratch: Path, stack: contextlib.ExitStack) -> int:
    url = stack.enter_context(static_site(HERE / "site", output / "server.log"))
    say(f"recording {TOUR.relative_to(ROOT)} at {url}")
    return record(TOUR, output / FILM, scratch / "data", "--tts-backend", "local", "--base-url", url)


if __name__ == "__main__":
    sys.exit(run(_film, FILM, "Film a tour of a documentation site.", ROOT / "demo-output" / "docs-site"))
