"""ffmpeg: finding a suitable one, and running it with limits, progress and readable errors."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import imageio_ffmpeg

from protocol.errors import FULL, EnvironmentNotReady, MediaError, StorageFull

NEEDED = frozenset({"alimiter", "colorspace", "ebur128", "fps", "scale", "tpad"})
"""The filters that are needed to cut a tour's video."""

ENCODERS = frozenset({"libx264", "aac"})
"""The encoders of a tour's video, unless its spec names others."""

KEPT_LINES = 400
LINE = 4096
"""How many of the last lines of stderr are kept; a longer line is split after this many characters."""

MAX_ARGUMENT = 100_000
"""Characters; Linux accepts arguments of up to 128 KiB."""

MAX_RUN_S = 24 * 3600
"""The time limit for work on a whole video."""

_RELEASE = re.compile(r"version n?(\d+)\.(\d+)")
_FILE_TOO_LARGE: int = getattr(signal, "SIGXFSZ", 0)  # ends a program that exceeds the limit for the size of a file
_CONTEXT = re.compile(r"^(\[[^]]*\] )+")
_NOISE = ("frame=", "size=", "  ", "Press [q]")


@dataclass(frozen=True, kw_only=True)
class Ffmpeg:
    """An ffmpeg program that was checked."""

    path: Path
    version: str

    @property
    def release(self) -> tuple[int, int]:
        """Return its release, (7, 1) for "n7.1.2". A build without a number counts as newer than all releases."""
        named = _RELEASE.search(self.version)
        return (int(named[1]), int(named[2])) if named else (sys.maxsize, 0)

    def filter_arguments(self, option: str, text: str, script: Path) -> list[str]:
        """Return the arguments for a filter graph: inline, or in the file `script` if it is too long.

        `option` is "filter:v" or "filter_complex".
        """
        if len(text) < MAX_ARGUMENT:
            return [f"-{option}", text]
        script.write_text(text, encoding="utf-8")
        name, _, stream = option.partition(":")
        old = f"-{name}_script{':' * bool(stream)}{stream}"  # since 7, a slash before any option reads it from a file
        return [old if self.release < (7, 0) else f"-/{option}", str(script)]

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        duration_s: float | None = None,
        on_progress: Callable[[float], None] | None = None,
        listen: Callable[[str], None] | None = None,
        timeout_s: float = 3600,
        folder: Path | None = None,
    ) -> str:
        """Run ffmpeg and return the last lines of its stderr. `on_progress` gets the fraction of `duration_s` done.

        `listen` gets each line of stderr as it comes, in the caller's thread; it may raise to end the run. `folder` is
        the working directory, so that filters can use plain file names that need no escaping. Raises MediaError with
        ffmpeg's last lines, StorageFull if the disk is full. Never uses a shell or reads stdin, and ends ffmpeg when
        the caller is interrupted.
        """
        command = [str(self.path), "-nostdin", "-hide_banner", "-y", "-nostats", "-progress", "pipe:1"]
        last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        with subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=folder,
        ) as process:
            lines: SimpleQueue[_Line | None] = SimpleQueue()
            readers = _start_readers(process, last_lines, lines)
            timer = threading.Timer(timeout_s, process.kill)
            timer.start()
            try:
                _follow(lines, duration_s, on_progress, listen)
                status = process.wait()
                expired = not timer.is_alive()
            except BaseException:
                process.kill()
                raise
            finally:
                timer.cancel()
                for thread in readers:
                    thread.join(10)
        lines.put(None)
        _follow(lines, None, None, listen)  # what it wrote after its last report
        if status:
            raise ffmpeg_error(last_lines, status, timeout_s if expired else None)
        return "".join(last_lines)

    def first_complaint(self, arguments: Sequence[str | Path], *, timeout_s: float = 60) -> str | None:
        """Run ffmpeg to find out whether it can do something; return its first error message, None if it succeeds."""
        command = [str(self.path), "-nostdin", "-hide_banner", "-y", "-v", "error", *map(str, arguments)]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it does not run: {error}"
        if not done.returncode:
            return None
        first = next((line.strip() for line in done.stderr.splitlines() if line.strip()), "it gives no reason")
        return _CONTEXT.sub("", first)[:200]


_named: Path | None = None


def use(explicit: Path | None) -> None:
    """Make `find` return this ffmpeg and no other, from now on and in this process; None lets it choose.

    The code that reads the settings calls this once; `find` reports what is wrong with it.
    """
    global _named  # noqa: PLW0603 - one process uses one ffmpeg, and every handler looks for it
    _named = explicit


def find(
    explicit: Path | None = None, *, needs: frozenset[str] = NEEDED, encoders: frozenset[str] = ENCODERS
) -> Ffmpeg:
    """Return an ffmpeg that has these filters and encoders: `explicit`, else the system's, else the embedded one.

    The one that `use` named counts as explicit. An explicit one that lacks something is an error; it is never replaced
    by another. Raises EnvironmentNotReady.
    """
    return _found(explicit or _named, needs, encoders)


@functools.cache
def _found(explicit: Path | None, needs: frozenset[str], encoders: frozenset[str]) -> Ffmpeg:
    if explicit is not None:
        return _checked(explicit, needs, encoders)
    system = shutil.which("ffmpeg")
    problems = []
    for path in (system, _embedded()):
        try:
            if path is not None:
                return _checked(Path(path), needs, encoders)
        except EnvironmentNotReady as error:
            problems.append(str(error))
    raise EnvironmentNotReady("no usable ffmpeg: " + ("; ".join(problems) or "install it, or set FFMPEG_BINARY"))


def _embedded() -> str | None:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None


def input_arguments(path: Path, container: str) -> list[str]:
    """Return the arguments that open a file as this container and nothing else, from the local disk only.

    Every input is opened like this. Otherwise ffmpeg would follow a playlist, whatever the file is called, to any file
    or address that it names, and would treat a file name with a colon as an address.
    """
    # The demuxer of an image is forced: from its name, ffmpeg might treat the file as part of a numbered sequence.
    forced = ["-f", container] if container.endswith("_pipe") else []
    return ["-protocol_whitelist", "file,pipe", "-format_whitelist", container, *forced, "-i", file_url(path)]


def file_url(path: Path) -> str:
    """Return a path in the form that ffmpeg always treats as a local file, whatever its name looks like."""
    return f"file:{path.absolute()}"


def _checked(path: Path, needs: frozenset[str], encoders: frozenset[str]) -> Ffmpeg:
    program = shutil.which(str(path))
    if program is None:
        raise EnvironmentNotReady(f"{path} is not a program; set FFMPEG_BINARY to an ffmpeg, or unset it")
    if missing := sorted(needs - _names(program, "-filters")):
        raise EnvironmentNotReady(f"{path} lacks the filter(s) {', '.join(missing)}; use a fuller build of ffmpeg")
    if missing := sorted(encoders - _names(program, "-encoders")):
        raise EnvironmentNotReady(
            f"{path} lacks the encoder(s) {', '.join(missing)}; use a fuller build of ffmpeg (FFMPEG_BINARY names it), "
            "or another codec in the spec's output"
        )
    return Ffmpeg(path=Path(program), version=_ask(program, "-version").split("\n")[0].split(" Copyright")[0])


def _names(program: str, question: str) -> frozenset[str]:
    """Return the names in one of ffmpeg's own lists: the second word of each line."""
    return frozenset(line.split()[1] for line in _ask(program, question).splitlines() if len(line.split()) > 2)


def _ask(program: str, question: str) -> str:
    try:
        done = subprocess.run(
            [program, "-hide_banner", question], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentNotReady(f"{program} does not run: {error}") from error
    if done.returncode:
        raise EnvironmentNotReady(f"{program} does not run: {done.stderr.strip()[-300:]}")
    return done.stdout


@dataclass(frozen=True)
class _Line:
    """A line that ffmpeg wrote: a message to stderr, or a progress report to stdout."""

    text: str
    is_report: bool


def _start_readers(
    process: subprocess.Popen[str], last_lines: deque[str], lines: SimpleQueue[_Line | None]
) -> list[threading.Thread]:
    readers = [
        threading.Thread(target=_read_stderr, args=(process, last_lines, lines), daemon=True),
        threading.Thread(target=_read_reports, args=(process, lines), daemon=True),
    ]
    for thread in readers:
        thread.start()
    return readers


def _read_stderr(process: subprocess.Popen[str], last_lines: deque[str], lines: SimpleQueue[_Line | None]) -> None:
    assert process.stderr is not None  # opened as a pipe
    for text in iter(functools.partial(process.stderr.readline, LINE), ""):
        last_lines.append(text)
        lines.put(_Line(text, is_report=False))


def _read_reports(process: subprocess.Popen[str], lines: SimpleQueue[_Line | None]) -> None:
    assert process.stdout is not None  # opened as a pipe
    for text in process.stdout:
        lines.put(_Line(text, is_report=True))
    lines.put(None)


def _follow(
    lines: SimpleQueue[_Line | None],
    duration_s: float | None,
    on_progress: Callable[[float], None] | None,
    listen: Callable[[str], None] | None,
) -> None:
    """Pass on lines as they come, until the last report."""
    while (line := lines.get()) is not None:
        key, _, value = line.text.strip().partition("=")
        if not line.is_report:
            if listen is not None:
                listen(line.text)
        elif key == "out_time_us" and value.isdigit() and duration_s and on_progress:
            on_progress(min(1.0, int(value) / 1e6 / duration_s))


def ffmpeg_error(last_lines: Collection[str], status: int, expired_s: float | None = None) -> MediaError | StorageFull:
    """Return the error for an ffmpeg that ended with `status` after these lines, or that ran into a time limit."""
    text = "".join(last_lines)
    if any(os.strerror(number) in text for number in FULL) or status == -_FILE_TOO_LARGE:
        return StorageFull("ffmpeg: no space left on the disk. Free some and run the same command again")
    if expired_s is not None:
        return MediaError(f"ffmpeg was ended after its time limit of {expired_s:.0f} s")
    messages = [line.strip() for line in last_lines if line.strip() and not line.startswith(_NOISE)]
    return MediaError(f"ffmpeg failed ({status}): {' | '.join(messages[-4:])}")
