"""Looking at media from elsewhere in a process of its own, which a file made to hurt may end, fill or hang.

What comes back is plain JSON. Limits: time by the clock and of the processor, memory, files written (none).
"""

from __future__ import annotations

import atexit
import functools
import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from media.examine import Media, Picture, Pixels, Track
from media.examine import examine as examine_here
from media.limits import allow_cpu, limit
from media.probe import Footage, footage
from protocol.errors import MediaError

TIME_S = 300
MEMORY_BYTES = 4 << 30
OPEN_FILES = 64

IDLE_S = 60
"""How long the process waits for another file."""

MOST_FILES = 200
"""A process that has looked at so many is replaced, whatever they may have left in it."""

_START = "import sys; sys.path.insert(0, sys.argv[1]); from media.confined import answer; answer()"


def probe(path: Path, *, time_s: float = TIME_S) -> Footage:
    """Return the facts of a film, as `media.probe.probe` does. A film that breaks its reader raises MediaError too."""
    return footage(examine(path, time_s=time_s))


def examine(path: Path, *, time_s: float = TIME_S) -> Media:
    """Return the facts of a media file, as `media.examine.examine` does. One that breaks it raises MediaError too."""
    return _media(path, _ask(path, time_s))


def examine_all(paths: Iterable[Path], *, time_s: float = TIME_S) -> Iterator[Media | MediaError]:
    """Yield what `examine` returns or raises for each file."""
    for path in paths:
        try:
            yield examine(path, time_s=time_s)
        except MediaError as error:
            yield error


def let_go() -> None:
    """End the process that waits for files, if there is one; the next file starts another."""
    while _waiting:
        _waiting.pop().end()


@functools.cache
def _let_go_at_exit() -> None:
    atexit.register(let_go)


def _ask(path: Path, time_s: float) -> dict[str, Any]:
    """Have the process that waits look at a file, and wait for the next: starting one takes longer than a look."""
    try:
        looker = _waiting.pop()
    except IndexError:
        looker = _Looker()
    try:
        told = _patiently(looker, path, time_s)
    except BaseException:
        looker.end()
        raise
    if _waiting or looker.looked >= MOST_FILES:
        looker.end()
    else:
        _waiting.append(looker)
    if "error" in told:
        raise MediaError(told["error"])
    return told


def _patiently(looker: _Looker, path: Path, time_s: float) -> dict[str, Any]:
    """Have a file at which the process breaks looked at by a new one, where files before it may have broken it."""
    try:
        return looker.ask(path, time_s)
    except BrokeReader:
        if not looker.looked:
            raise
        return looker.ask(path, time_s)


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
    """The process, started when it is first asked. It ends by itself when nobody asks for long, or its parent ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()
        self.looked = 0  # files that this process was asked about and did not break at

    def ask(self, path: Path, time_s: float) -> dict[str, Any]:
        """Have a file looked at and return what is told of it, "error" for what is wrong; BrokeReader ends it."""
        if self._process is not None and self._process.poll() is not None:
            self._end()  # it has waited for too long
        process = self._process = self._process or self._start()
        assert process.stdin is not None  # opened as a pipe
        try:
            process.stdin.write(json.dumps(str(path.absolute())) + "\n")
            process.stdin.flush()
            told = dict(json.loads(self._answers.get(timeout=time_s)))
        except queue.Empty as error:
            self._end()
            raise BrokeReader(f"{path} takes longer than {time_s:.0f} s to look at; copy it to a local disk") from error
        except (OSError, ValueError, TypeError) as error:
            status = self._end()
            raise BrokeReader(f"{path} broke the program that looked at it (exit {status}); do not use it") from error
        self.looked += 1
        return told

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-c", _START, str(Path(__file__).parents[1])]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.looked, self._answers = 0, queue.Queue()
        _let_go_at_exit()
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

    def end(self) -> None:
        """End the process, which is not asked any more."""
        if self._process is not None:
            self._process.kill()
            self._end()


_waiting: list[_Looker] = []
"""The process that waits for the next file: one at most. Whoever asks takes it out, so two threads never share it."""


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
        _end_after(0)
        path = Path(json.loads(line))
        allow_cpu(TIME_S)
        sys.stdout.write(json.dumps(_told(path)) + "\n")
        sys.stdout.flush()
        _end_after(IDLE_S)


def _end_after(seconds: int) -> None:
    """Let the system end this process so much later; never for 0. Windows cannot: there it waits for its parent."""
    if sys.platform != "win32":
        signal.alarm(seconds)


def _told(path: Path) -> dict[str, Any]:
    try:
        return {**asdict(examine_here(path)), "path": str(path)}
    except MediaError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"{path} asks for more than {MEMORY_BYTES >> 30} GiB of memory; give another file"}


def _limit() -> None:
    """Give up what looking at a file needs nothing of."""
    limit(file_bytes=0, memory_bytes=MEMORY_BYTES, open_files=OPEN_FILES)
