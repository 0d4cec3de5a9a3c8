"""Publishing a video, its captions and its report: all of them appear together, and only when they are complete."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from protocol.errors import EnvironmentNotReady, UsageError


def check_writable(video: Path) -> None:
    """Raise EnvironmentNotReady if a video cannot be written to this path, as far as that is known beforehand."""
    if video.is_dir():
        raise EnvironmentNotReady(f"the video cannot be written: {video} is a folder; give a file in output.path")
    above = next(folder for folder in video.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise EnvironmentNotReady(f"the video {video} cannot be written: {above} is not a folder; change output.path")
    try:  # only a trial tells: a folder of /proc says that root may write in it
        with tempfile.TemporaryDirectory(prefix=".gpudrop-", dir=above):
            pass
    except OSError as error:
        why = (
            f"you have no permission to write in {above}"
            if isinstance(error, PermissionError)
            else f"{above}: {error.strerror}"
        )
        raise EnvironmentNotReady(
            f"the video {video} cannot be written: {why}; change output.path, or use --output"
        ) from error


@contextlib.contextmanager
def unfinished(video: Path) -> Iterator[Path]:
    """Yield a path for the unfinished video in a hidden folder; after the block everything in it is published.

    The video is published last: if it exists, everything does. After an error nothing is published, and older files
    are kept.
    """
    folder = video.with_name(f".{video.name}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)  # of a killed process
    folder.mkdir(parents=True)
    try:
        yield folder / video.name
        for path in sorted(folder.iterdir(), key=lambda each: each.name == video.name):
            path.replace(video.with_name(path.name))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a text file atomically. Raises UsageError if it exists, unless `force` is given."""
    if path.exists() and not force:
        raise UsageError(f"{path} exists and is not overwritten: choose another name, or add --force")
    beside = path.with_name(f".{path.name}.unfinished")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise EnvironmentNotReady(f"{path} cannot be written: {error.strerror}; give another file") from error
    finally:
        beside.unlink(missing_ok=True)
