"""Looking at media from elsewhere in a process of its own, which a file made to hurt may end, fill or hang.

What comes back is plain JSON. Limits: time by the clock and of the processor, memory, files written (none).
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from media.examine import Media, Picture, Pixels, Track
from media.examine import examine as examine_here
from media.limits import allow_cpu, limit
from media.probe import Footage, Sound
from media.probe import probe as probe_here
from protocol.errors import MediaError

TIME_S = 300
MEMORY_BYTES = 4 << 30
OPEN_FILES = 64

_START = "import sys; sys.path.insert(0, sys.argv[1]); from media.confined import answer; answer()"
_LOOKS: dict[str, Callable[[Path], Footage | Media]] = {"probe": probe_here, "examine": examine_here}


def probe(path: Path, *, time_s: float = TIME_S) -> Footage:
    """Return the facts of a film, as `media.probe.probe` does. A film that breaks its reader raises MediaError too."""
    with _Looker() as looker:
        told = looker.ask("probe", path, time_s)
    sound = Sound(**told["sound"]) if told["sound"] else None
    return Footage(**{**told, "path": path, "size": tuple(told["size"]), "sound": sound})


def examine(path: Path, *, time_s: float = TIME_S) -> Media:
    """Return the facts of a media file, as `media.examine.examine` does. One that breaks it raises MediaError too."""
    with _Looker() as looker:
        return _media(path, looker.ask("examine", path, time_s))


def examine_all(paths: Iterable[Path], *, time_s: float = TIME_S) -> Iterator[Media | MediaError]:
    """Yield what `examine` returns or raises for each file, by one process as long as none of them breaks it.

    A file at which it breaks is looked at once more by a new one: another file may have left it broken.
    """
    with _Looker() as looker:
        for path in paths:
            try:
                yield _media(path, looker.ask("examine", path, time_s))
            except BrokeReader:
                yield _once_more(path, time_s)
            except MediaError as error:
                yield error


def _once_more(path: Path, time_s: float) -> Media | MediaError:
    try:
        return examine(path, time_s=time_s)
    except MediaError as error:
        return error


def _media(path: Path, told: dict[str, Any]) -> Media:
    picture = told["picture"]
    if picture is not None:
        sizes = {name: tuple(picture[name]) for name in ("size", "shown", "aspect")}
        picture = Picture(**{**picture, **sizes, "pixels": Pixels(**picture["pixels"])})
    sounds = tuple(Track(**track) for track in told["sounds"])
    return Media(**{**told, "path": path, "picture": picture, "sounds": sounds})


class BrokeReader(MediaError):
    """A file broke the program that looked at it, or kept it busy for too long."""


class _Looker:
    """The process, started when it is first asked, and again after a file has broken it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def ask(self, look: str, path: Path, time_s: float) -> dict[str, Any]:
        """Have a file looked at and return what is told of it; MediaError says what is wrong with it."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None  # opened as a pipe
        try:
            process.stdin.write(json.dumps([look, str(path.absolute())]) + "\n")
            process.stdin.flush()
            told = dict(json.loads(self._answers.get(timeout=time_s)))
        except queue.Empty as error:
            self._end()
            raise BrokeReader(f"{path} takes longer than {time_s:.0f} s to look at; copy it to a local disk") from error
        except (OSError, ValueError, TypeError) as error:
            status = self._end()
            raise BrokeReader(f"{path} broke the program that looked at it (exit {status}); do not use it") from error
        if "error" in told:
            raise MediaError(told["error"])
        return told

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-c", _START, str(Path(__file__).parents[1])]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._answers = queue.Queue()
        threading.Thread(target=_listen, args=(process, self._answers), daemon=True).start()
        return process

    def _end(self) -> int | None:
        """End the process and return how it ended, if it did so by itself."""
        process, self._process = self._process, None
        if process is None:
            return None
        with process:
            try:
                return process.wait(1)  # it is ending, if a file broke it
            except subprocess.TimeoutExpired:
                process.kill()
                return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._end()


def _listen(process: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
    """Pass on every line, and nothing at the end: who waits for an answer must not wait for one of the dead."""
    assert process.stdout is not None  # opened as a pipe
    for line in process.stdout:
        answers.put(line)
    answers.put("")


def answer() -> None:
    """Be the process: look at one file after the other and print what each is."""
    _limit()
    for line in sys.stdin:
        look, path = json.loads(line)
        allow_cpu(TIME_S)
        sys.stdout.write(json.dumps(_told(look, Path(path))) + "\n")
        sys.stdout.flush()


def _told(look: str, path: Path) -> dict[str, Any]:
    try:
        return {**asdict(_LOOKS[look](path)), "path": str(path)}
    except MediaError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"{path} asks for more than {MEMORY_BYTES >> 30} GiB of memory; give another file"}


def _limit() -> None:
    """Give up what looking at a file needs nothing of."""
    limit(file_bytes=0, memory_bytes=MEMORY_BYTES, open_files=OPEN_FILES)
