"""Looking at films from elsewhere in a process of its own, which a film made to hurt may end, fill or hang.

What comes back is plain JSON. Limits: time by the clock and of the processor, memory, files written (none).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from media.probe import Footage, Sound
from media.probe import probe as probe_here
from protocol.errors import MediaError

TIME_S = 300
MEMORY_BYTES = 4 << 30
OPEN_FILES = 64

_START = "import sys; sys.path.insert(0, sys.argv[2]); from media.confined import answer; answer(sys.argv[1])"


def probe(path: Path, *, time_s: float = TIME_S) -> Footage:
    """Return the facts of a film, as `media.probe.probe` does. A film that breaks its reader raises MediaError too."""
    command = [sys.executable, "-P", "-c", _START, str(path.absolute()), str(Path(__file__).parents[1])]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=time_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise MediaError(f"{path} takes longer than {time_s:.0f} s to look at; copy it to a local disk") from error
    try:
        return _footage(path, json.loads(done.stdout))
    except (ValueError, TypeError, KeyError) as error:
        raise MediaError(
            f"{path} broke the program that looked at it (exit {done.returncode}); do not use it"
        ) from error


def _footage(path: Path, told: dict[str, Any]) -> Footage:
    if "error" in told:
        raise MediaError(told["error"])
    sound = Sound(**told["sound"]) if told["sound"] else None
    return Footage(**{**told, "path": path, "size": tuple(told["size"]), "sound": sound})


def answer(path: str) -> None:
    """Be the process: look at one film and print what it is."""
    _limit()
    try:
        told = {**asdict(probe_here(Path(path))), "path": path}
    except MediaError as error:
        told = {"error": str(error)}
    except MemoryError:
        told = {"error": f"{path} asks for more than {MEMORY_BYTES >> 30} GiB of memory; give another film"}
    sys.stdout.write(json.dumps(told))


def _limit() -> None:
    """Give up what looking at a film needs nothing of, where the system can."""
    if sys.platform == "win32":
        return
    import resource

    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, TIME_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
