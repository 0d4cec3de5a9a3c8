"""Examining untrusted media in a separate process, which a malicious file may crash, fill up or hang.

Its answers are plain JSON. It has limits for elapsed time, CPU time, memory, and files written (none).
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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from media.examine import examine as examine_here
from media.info import AudioTrack, MediaFile, PixelFormat, VideoTrack
from media.limits import limit_cpu, limit_process
from media.probe import Footage, footage
from protocol.errors import MediaError

TIME_S = 300
MEMORY_BYTES = 4 << 30
OPEN_FILES = 64

IDLE_S = 60
"""How long the process waits for another file."""

MAX_FILES = 200
"""The process is replaced after this many files, in case they have left something behind in it."""

_SERVE = "import sys; sys.path.insert(0, sys.argv[1]); from media.confined import serve; serve()"


class ExaminerCrashed(MediaError):
    """A file crashed the process that examined it, or kept it busy for too long."""


class ConfinedExaminer:
    """Examines files in a process that is kept for the next file: starting one takes longer than an examination.

    At most one process is idle at a time. A caller takes it out of the pool, so two threads never share one. `program`
    is what the process runs.
    """

    def __init__(self, program: str = _SERVE) -> None:
        self._program = program
        self._idle: list[_Examiner] = []
        self.started = 0  # processes

    def examine(self, path: Path, *, time_s: float = TIME_S) -> MediaFile:
        """Return what `media.examine.examine` returns. A file that crashes the process raises MediaError, too."""
        return _media_file(path, self._ask(path, time_s))

    def examine_all(self, paths: Iterable[Path], *, time_s: float = TIME_S) -> Iterator[MediaFile | MediaError]:
        """Yield what `examine` returns or raises for each file."""
        for path in paths:
            try:
                yield self.examine(path, time_s=time_s)
            except MediaError as error:
                yield error

    def close(self) -> None:
        """End the idle process, if there is one; the next file starts another."""
        while self._idle:
            self._idle.pop().end()

    def _ask(self, path: Path, time_s: float) -> dict[str, Any]:
        try:
            examiner = self._idle.pop()
        except IndexError:
            examiner = _Examiner(self._start)
        try:
            answer = _ask_with_retry(examiner, path, time_s)
        except BaseException:
            examiner.end()
            raise
        if self._idle or examiner.examined >= MAX_FILES:
            examiner.end()
        else:
            self._idle.append(examiner)
        if "error" in answer:
            raise MediaError(answer["error"])
        return answer

    def _start(self) -> subprocess.Popen[str]:
        self.started += 1
        command = [sys.executable, "-P", "-c", self._program, str(Path(__file__).parents[1])]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )


@functools.cache
def _shared() -> ConfinedExaminer:
    """Return the examiner of this process."""
    examiner = ConfinedExaminer()
    atexit.register(examiner.close)
    return examiner


def examine(path: Path, *, time_s: float = TIME_S) -> MediaFile:
    """Return what a media file contains, as `media.examine.examine` does. A crash raises MediaError, too."""
    return _shared().examine(path, time_s=time_s)


def examine_all(paths: Iterable[Path]) -> Iterator[MediaFile | MediaError]:
    """Yield what `examine` returns or raises for each file."""
    return _shared().examine_all(paths)


def probe(path: Path, *, time_s: float = TIME_S) -> Footage:
    """Return what `media.probe.probe` returns. A file that crashes the process raises MediaError, too."""
    return footage(examine(path, time_s=time_s))


def _ask_with_retry(examiner: _Examiner, path: Path, time_s: float) -> dict[str, Any]:
    """Examine a file that crashes the process once more in a new one, if earlier files may have broken the first."""
    try:
        return examiner.ask(path, time_s)
    except ExaminerCrashed:
        if not examiner.examined:
            raise
        return examiner.ask(path, time_s)


def _media_file(path: Path, answer: dict[str, Any]) -> MediaFile:
    picture = answer["picture"]
    if picture is not None:
        sizes = {name: tuple(picture[name]) for name in ("size", "shown", "aspect")}
        picture = VideoTrack(**{**picture, **sizes, "pixels": PixelFormat(**picture["pixels"])})
    sounds = tuple(AudioTrack(**track) for track in answer["sounds"])
    return MediaFile(**{**answer, "path": path, "picture": picture, "sounds": sounds})


class _Examiner:
    """One process, started on first use. It ends by itself after a long idle time, and with its parent."""

    def __init__(self, start: Callable[[], subprocess.Popen[str]]) -> None:
        self._start_process = start
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()
        self.examined = 0  # files that this process has examined without crashing

    def ask(self, path: Path, time_s: float) -> dict[str, Any]:
        """Examine a file and return the answer, which has "error" if something is wrong with it."""
        if self._process is not None and self._process.poll() is not None:
            self._end()  # it was idle for too long
        process = self._process = self._process or self._start()
        assert process.stdin is not None  # opened as a pipe
        try:
            process.stdin.write(json.dumps(str(path.absolute())) + "\n")
            process.stdin.flush()
            answer = dict(json.loads(self._answers.get(timeout=time_s)))
        except queue.Empty as error:
            self._end()
            message = f"examining {path} takes longer than {time_s:.0f} s; copy it to a local disk"
            raise ExaminerCrashed(message) from error
        except (OSError, ValueError, TypeError) as error:
            status = self._end()
            message = f"{path} crashed the program that examined it (exit {status}); do not use it"
            raise ExaminerCrashed(message) from error
        self.examined += 1
        return answer

    def _start(self) -> subprocess.Popen[str]:
        process = self._start_process()
        self.examined, self._answers = 0, queue.Queue()
        threading.Thread(target=_pass_on, args=(process, self._answers), daemon=True).start()
        return process

    def _end(self) -> int | None:
        """End the process and return its exit status, if it had ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return None
        with process:
            try:
                return process.wait(1)  # if a file crashed it, it is just ending
            except subprocess.TimeoutExpired:
                process.kill()
                return None

    def end(self) -> None:
        """End the process, which will not be asked again."""
        if self._process is not None:
            self._process.kill()
            self._end()


def _pass_on(process: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
    """Pass on every line, and an empty one at the end, so that nobody waits for the answer of a dead process."""
    assert process.stdout is not None  # opened as a pipe
    for line in process.stdout:
        answers.put(line)
    answers.put("")


def serve(idle_s: int = IDLE_S) -> None:
    """Run as the process: examine one file after another and print the answers."""
    _limit()
    for line in sys.stdin:
        _end_after(0)
        path = Path(json.loads(line))
        limit_cpu(TIME_S)
        sys.stdout.write(json.dumps(_answer(path)) + "\n")
        sys.stdout.flush()
        _end_after(idle_s)


def _end_after(seconds: int) -> None:
    """Let the system end this process after this time; 0 cancels that. On Windows it ends with its parent only."""
    if sys.platform != "win32":
        signal.alarm(seconds)


def _answer(path: Path) -> dict[str, Any]:
    try:
        return {**asdict(examine_here(path)), "path": str(path)}
    except MediaError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"{path} needs more than {MEMORY_BYTES >> 30} GiB of memory; give another file"}


def _limit() -> None:
    limit_process(file_bytes=0, memory_bytes=MEMORY_BYTES, open_files=OPEN_FILES)
