"""Looking at media from elsewhere in a process of its own, which a file made to hurt may end, fill or hang.

What comes back is plain JSON. Limits: time by the clock and of the processor, memory, files written (none).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from media.examine import Media, Picture, Pixels, Track
from media.examine import examine as examine_here
from media.limits import limit
from media.probe import Footage, Sound
from media.probe import probe as probe_here
from protocol.errors import MediaError

TIME_S = 300
MEMORY_BYTES = 4 << 30
OPEN_FILES = 64

_START = (
    "import sys; sys.path.insert(0, sys.argv[3]); from media.confined import answer; answer(sys.argv[1], sys.argv[2])"
)
_LOOKS: dict[str, Callable[[Path], Footage | Media]] = {"probe": probe_here, "examine": examine_here}


def probe(path: Path, *, time_s: float = TIME_S) -> Footage:
    """Return the facts of a film, as `media.probe.probe` does. A film that breaks its reader raises MediaError too."""
    told = _ask("probe", path, time_s)
    sound = Sound(**told["sound"]) if told["sound"] else None
    return Footage(**{**told, "path": path, "size": tuple(told["size"]), "sound": sound})


def examine(path: Path, *, time_s: float = TIME_S) -> Media:
    """Return the facts of a media file, as `media.examine.examine` does. One that breaks it raises MediaError too."""
    told = _ask("examine", path, time_s)
    picture = told["picture"]
    if picture is not None:
        sizes = {name: tuple(picture[name]) for name in ("size", "shown", "aspect")}
        picture = Picture(**{**picture, **sizes, "pixels": Pixels(**picture["pixels"])})
    sounds = tuple(Track(**track) for track in told["sounds"])
    return Media(**{**told, "path": path, "picture": picture, "sounds": sounds})


def _ask(look: str, path: Path, time_s: float) -> dict[str, Any]:
    """Have a file looked at and return what is told of it; MediaError says what is wrong with it."""
    command = [sys.executable, "-P", "-c", _START, look, str(path.absolute()), str(Path(__file__).parents[1])]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=time_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise MediaError(f"{path} takes longer than {time_s:.0f} s to look at; copy it to a local disk") from error
    try:
        told = dict(json.loads(done.stdout))
    except (ValueError, TypeError) as error:
        raise MediaError(
            f"{path} broke the program that looked at it (exit {done.returncode}); do not use it"
        ) from error
    if "error" in told:
        raise MediaError(told["error"])
    return told


def answer(look: str, path: str) -> None:
    """Be the process: look at one file and print what it is."""
    _limit()
    try:
        told = {**asdict(_LOOKS[look](Path(path))), "path": path}
    except MediaError as error:
        told = {"error": str(error)}
    except MemoryError:
        told = {"error": f"{path} asks for more than {MEMORY_BYTES >> 30} GiB of memory; give another file"}
    sys.stdout.write(json.dumps(told))


def _limit() -> None:
    """Give up what looking at a file needs nothing of."""
    limit(file_bytes=0, memory_bytes=MEMORY_BYTES, cpu_s=TIME_S, open_files=OPEN_FILES)
