"""ffmpeg: finding one that can do the work, and running it with bounds, progress and errors worth reading."""

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import imageio_ffmpeg

from protocol.errors import FULL, EnvironmentNotReady, MediaError, StorageFull

NEEDED = frozenset({"alimiter", "colorspace", "ebur128", "fps", "scale", "tpad"})
"""The filters without which the film cannot be cut."""

ENCODERS = frozenset({"libx264", "aac"})
"""What a film is encoded with unless its spec says otherwise."""

KEPT_LINES = 400
LINE = 4096
"""What is kept of ffmpeg's words: the last lines, and of each line no more than so many characters at a time."""

LONGEST_ARGUMENT = 100_000
"""Linux takes arguments of 128 KiB."""

LONGEST_S = 24 * 3600
"""The longest that work on a whole film may take."""

_RELEASE = re.compile(r"version n?(\d+)\.(\d+)")
_TOO_LONG: int = getattr(signal, "SIGXFSZ", 0)  # what ends a program that writes past the limit of a file's length
_PLACE = re.compile(r"^(\[[^]]*\] )+")
_NOISE = ("frame=", "size=", "  ", "Press [q]")


@dataclass(frozen=True, kw_only=True)
class Ffmpeg:
    """An ffmpeg program that was found to work."""

    path: Path
    version: str

    @property
    def release(self) -> tuple[int, int]:
        """Return its release, (7, 1) for "n7.1.2". A build that names none is of a later day than all releases."""
        named = _RELEASE.search(self.version)
        return (int(named[1]), int(named[2])) if named else (sys.maxsize, 0)

    def filters(self, option: str, text: str, script: Path) -> list[str]:
        """Return the arguments that hand over filters: as they are, or through `script` where they are too long.

        `option` is "filter:v" or "filter_complex".
        """
        if len(text) < LONGEST_ARGUMENT:
            return [f"-{option}", text]
        script.write_text(text, encoding="utf-8")
        name, _, stream = option.partition(":")
        old = f"-{name}_script{':' * bool(stream)}{stream}"  # since 7 a slash before any option does that
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
        """Run ffmpeg and return the last it wrote to stderr. `on_progress` gets the fraction of `duration_s` done.

        `listen` gets each line of its stderr as it comes, in the caller's thread: it may raise to end the run.
        `folder` is where it runs: names that filters read and write can then be plain, with nothing to escape.
        Raises MediaError with ffmpeg's own last words, StorageFull when the disk is full. Never uses a shell, never
        reads stdin, never outlives its caller's interrupt.
        """
        command = [str(self.path), "-nostdin", "-hide_banner", "-y", "-nostats", "-progress", "pipe:1"]
        said: deque[str] = deque(maxlen=KEPT_LINES)
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
            listener = threading.Thread(target=_listen, args=(process, said, lines), daemon=True)
            reporter = threading.Thread(target=_report, args=(process, lines), daemon=True)
            timer = threading.Timer(timeout_s, process.kill)
            listener.start()
            reporter.start()
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
                reporter.join(10)
                listener.join(10)
        lines.put(None)
        _follow(lines, None, None, listen)  # what it said after its last report
        if status:
            raise failure(said, status, timeout_s if expired else None)
        return "".join(said)

    def complaint(self, arguments: Sequence[str | Path], *, timeout_s: float = 60) -> str | None:
        """Run ffmpeg to see whether it can; return the first thing it complains of, None where all goes well."""
        command = [str(self.path), "-nostdin", "-hide_banner", "-y", "-v", "error", *map(str, arguments)]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it does not run: {error}"
        if not done.returncode:
            return None
        first = next((line.strip() for line in done.stderr.splitlines() if line.strip()), "it says nothing")
        return _PLACE.sub("", first)[:200]


_named: Path | None = None


def use(explicit: Path | None) -> None:
    """Have `find` return this ffmpeg and no other from now on, in this process; None leaves the choice to it.

    Whoever is told the settings calls it, once, at the edge; `find` says what is wrong with it.
    """
    global _named  # noqa: PLW0603 - one process, one ffmpeg: it is found from the depth of every handler
    _named = explicit


def find(
    explicit: Path | None = None, *, needs: frozenset[str] = NEEDED, encoders: frozenset[str] = ENCODERS
) -> Ffmpeg:
    """Return an ffmpeg that has these filters and encoders: `explicit`, else the system's, else the embedded one.

    Where none is given, the one that `use` named counts as given. An explicit one that cannot do the work is an error,
    never passed over.
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


def source(path: Path, container: str) -> list[str]:
    """Return the arguments that open a file: as this container and nothing else, from this disk only.

    Every input is opened so. Without it ffmpeg follows a playlist, whatever its file is called, to any file or address
    that it names; and a name with a colon in it would be taken for an address.
    """
    # A still picture's demuxer is named outright: by its name ffmpeg might take the file for one of a series.
    named = ["-f", container] if container.endswith("_pipe") else []
    return ["-protocol_whitelist", "file,pipe", "-format_whitelist", container, *named, "-i", local(path)]


def local(path: Path) -> str:
    """Return a path as ffmpeg takes it for a file of this disk, whatever its name looks like."""
    return f"file:{path.absolute()}"


def _checked(path: Path, needs: frozenset[str], encoders: frozenset[str]) -> Ffmpeg:
    program = shutil.which(str(path))
    if program is None:
        raise EnvironmentNotReady(f"{path} is no program; set FFMPEG_BINARY to an ffmpeg, or unset it")
    if missing := sorted(needs - _names(program, "-filters")):
        raise EnvironmentNotReady(f"{path} lacks the filter(s) {', '.join(missing)}; use a fuller build of ffmpeg")
    if missing := sorted(encoders - _names(program, "-encoders")):
        raise EnvironmentNotReady(
            f"{path} lacks the encoder(s) {', '.join(missing)}; use a fuller build of ffmpeg (FFMPEG_BINARY names it), "
            "or another codec in the spec's output"
        )
    return Ffmpeg(path=Path(program), version=_ask(program, "-version").split("\n")[0].split(" Copyright")[0])


def _names(program: str, question: str) -> frozenset[str]:
    """Return the second word of every line that has one: the names in ffmpeg's own lists."""
    return frozenset(line.split()[1] for line in _ask(program, question).splitlines() if len(line.split()) > 2)


def _ask(program: str, question: str) -> str:
    try:
        told = subprocess.run(
            [program, "-hide_banner", question], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentNotReady(f"{program} does not run: {error}") from error
    if told.returncode:
        raise EnvironmentNotReady(f"{program} does not run: {told.stderr.strip()[-300:]}")
    return told.stdout


@dataclass(frozen=True)
class _Line:
    """A line that ffmpeg wrote: to stderr, in words, or to stdout, as a report."""

    text: str
    is_report: bool


def _listen(process: subprocess.Popen[str], said: deque[str], lines: SimpleQueue[_Line | None]) -> None:
    assert process.stderr is not None  # opened as a pipe
    for text in iter(functools.partial(process.stderr.readline, LINE), ""):
        said.append(text)
        lines.put(_Line(text, is_report=False))


def _report(process: subprocess.Popen[str], lines: SimpleQueue[_Line | None]) -> None:
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
    """Hand over lines as they come, up to the end of the reports."""
    while (line := lines.get()) is not None:
        key, _, value = line.text.strip().partition("=")
        if not line.is_report:
            if listen is not None:
                listen(line.text)
        elif key == "out_time_us" and value.isdigit() and duration_s and on_progress:
            on_progress(min(1.0, int(value) / 1e6 / duration_s))


def failure(said: deque[str], status: int, expired_s: float | None) -> MediaError | StorageFull:
    """Return what to raise for an ffmpeg that ended with `status` after these words, or after so many seconds."""
    text = "".join(said)
    if any(os.strerror(number) in text for number in FULL) or status == -_TOO_LONG:
        return StorageFull("ffmpeg: no space left on the disk. Free some and run the same command again")
    if expired_s is not None:
        return MediaError(f"ffmpeg was ended after {expired_s:.0f} s")
    words = [line.strip() for line in said if line.strip() and not line.startswith(_NOISE)]
    return MediaError(f"ffmpeg failed ({status}): {' | '.join(words[-4:])}")
