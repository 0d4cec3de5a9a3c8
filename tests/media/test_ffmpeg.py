"""ffmpeg is found or refused, its runs have limits, and its errors are readable."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from pathlib import Path

import pytest

from media import ffmpeg
from media.ffmpeg import Ffmpeg
from protocol.errors import FULL, EnvironmentNotReady, MediaError, StorageFull
from tests.support.media import tone

SLOW = ["-f", "lavfi", "-re", "-i", "anullsrc", "-t", "300", "-f", "null", "-"]


def script(path: Path, text: str) -> Path:
    """Write a program that stands in for ffmpeg."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_progress_reaches_one(tmp_path: Path) -> None:
    """Progress rises from 0 to 1 over the given duration."""
    seen: list[float] = []
    sound = tone(tmp_path / "a.wav", 60)
    ffmpeg.find().run(
        ["-i", sound, "-af", "aresample=192000", "-f", "null", "-"], duration_s=60, on_progress=seen.append
    )
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1, abs=0.01)


def test_a_failure_says_what_ffmpeg_said(tmp_path: Path) -> None:
    """The error contains the file and ffmpeg's own reason."""
    with pytest.raises(MediaError, match=r"missing\.wav"):
        ffmpeg.find().run(["-i", tmp_path / "missing.wav", "-f", "null", "-"])


def test_a_run_is_ended_in_its_time() -> None:
    """A run that takes too long is killed."""
    started = time.monotonic()
    with pytest.raises(MediaError, match="ended after"):
        ffmpeg.find().run(SLOW, timeout_s=0.5)
    assert time.monotonic() - started < 60


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    """ENOSPC is StorageFull, whatever else ffmpeg prints."""
    full = script(tmp_path / "ffmpeg", "echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1")
    with pytest.raises(StorageFull):
        ffmpeg.Ffmpeg(path=full, version="x").run(["-i", "a"])


@pytest.mark.parametrize("number", sorted(FULL))
def test_every_way_to_have_no_room_is_a_full_disk(tmp_path: Path, number: int) -> None:
    """A full disk, an exhausted quota and a file that is too large are the same problem for the user."""
    full = script(tmp_path / "ffmpeg", f"echo 'av_interleaved_write_frame(): {os.strerror(number)}' >&2; exit 1")
    with pytest.raises(StorageFull):
        ffmpeg.Ffmpeg(path=full, version="x").run(["-i", "a"])


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit of a file's length here")
def test_a_limit_of_a_files_length_is_no_room_either(tmp_path: Path) -> None:
    """In reality the kernel ends ffmpeg, which prints nothing about it."""
    sound = ["-f", "lavfi", "-i", "sine=duration=9", str(tmp_path / "long.wav")]
    limited = script(tmp_path / "ffmpeg", f'ulimit -f 8; exec {shlex.quote(str(ffmpeg.find().path))} "$@"')
    with pytest.raises(StorageFull):
        ffmpeg.Ffmpeg(path=limited, version="x").run(sound)


def test_a_named_ffmpeg_is_used_or_refused(tmp_path: Path) -> None:
    """A named one that lacks a filter or does not run is an error; it is not replaced by another."""
    poor = script(tmp_path / "poor", "echo ' ... scale V->V x'")
    with pytest.raises(EnvironmentNotReady, match="lacks the filter"):
        ffmpeg.find(poor)
    with pytest.raises(EnvironmentNotReady, match="does not run"):
        ffmpeg.find(script(tmp_path / "broken", "echo broken >&2; exit 3"))
    with pytest.raises(EnvironmentNotReady, match="FFMPEG_BINARY"):
        ffmpeg.find(tmp_path / "none")


def test_without_a_usable_system_ffmpeg_the_embedded_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without ffmpeg can still cut videos."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "imageio" in str(ffmpeg.find(None, needs=frozenset({"loudnorm"})).path)


def test_a_missing_encoder_is_said_with_its_hint(tmp_path: Path) -> None:
    """An ffmpeg without the required encoder is refused before any work, with a hint."""
    with pytest.raises(EnvironmentNotReady, match=r"lacks the encoder\(s\) libnone; .*output"):
        ffmpeg.find(encoders=frozenset({"libnone"}))
    filters = "".join(f" ... {name} A->A x\\n" for name in ffmpeg.NEEDED)
    poor = script(tmp_path / "ffmpeg", f"[ $2 = -filters ] && printf '{filters}'; exit 0")
    with pytest.raises(EnvironmentNotReady, match="aac, libx264"):
        ffmpeg.find(poor)


def test_what_ffmpeg_says_is_kept_within_bounds(tmp_path: Path) -> None:
    """Endless output, or a line without an end, leaves a bounded tail that still contains the last words."""
    chatty = script(
        tmp_path / "ffmpeg", "seq 200000 >&2; head -c 20000000 /dev/zero | tr '\\0' x >&2; echo ' last words' >&2"
    )
    said = ffmpeg.Ffmpeg(path=chatty, version="x").run(["-i", "a"])
    assert len(said) <= ffmpeg.KEPT_LINES * ffmpeg.LINE
    assert said.endswith("last words\n")


def test_a_foreign_file_cannot_lead_to_another(tmp_path: Path) -> None:
    """A playlist that is named like a video is not followed to the file that it names."""
    sound = tone(tmp_path / "a.wav", 1)
    (tmp_path / "film.mp4").write_text(f"ffconcat version 1.0\nfile '{sound.name}'\n")
    ffmpeg.find().run(["-i", tmp_path / "film.mp4", "-f", "null", "-"])
    with pytest.raises(MediaError):
        ffmpeg.find().run([*ffmpeg.input_arguments(tmp_path / "film.mp4", "mov"), "-f", "null", "-"])


@pytest.mark.parametrize(
    ("said", "release"),
    [
        ("ffmpeg version 4.4.2-0ubuntu0.22.04.1", (4, 4)),
        ("ffmpeg version n7.1.1", (7, 1)),
        ("ffmpeg version 6.0", (6, 0)),
        ("ffmpeg version 10.2.3-static", (10, 2)),
    ],
)
def test_a_release_is_read_as_numbers(said: str, release: tuple[int, int]) -> None:
    """In the forms that packagers use; 10 is newer than 9."""
    assert ffmpeg.Ffmpeg(path=Path("x"), version=said).release == release


@pytest.mark.parametrize("said", ["ffmpeg version N-118193-g5f38c82536", "ffmpeg version 2026-01-05-git-2892815c45"])
def test_a_build_of_a_day_is_later_than_all_releases(said: str) -> None:
    """A build without a release number is assumed to know every option."""
    assert ffmpeg.Ffmpeg(path=Path("x"), version=said).release > (99, 0)


def test_what_it_says_is_heard_as_it_comes(tmp_path: Path) -> None:
    """Lines are passed on in the caller's thread, so that an exception of the listener ends the run."""
    ffmpeg = Ffmpeg(
        path=script(tmp_path / "ffmpeg", "echo one >&2; sleep 0.2; echo two >&2; exec sleep 30"), version="1"
    )
    heard: list[tuple[str, int]] = []

    def listen(line: str) -> None:
        heard.append((line.strip(), threading.get_ident()))
        if line == "two\n":
            raise InterruptedError

    began = time.monotonic()
    with pytest.raises(InterruptedError):
        ffmpeg.run([], listen=listen)
    assert time.monotonic() - began < 15
    assert heard == [("one", threading.get_ident()), ("two", threading.get_ident())]


def test_its_last_words_are_heard_too(tmp_path: Path) -> None:
    """Lines after the last progress report are passed on, too."""
    ffmpeg = Ffmpeg(path=script(tmp_path / "ffmpeg", "exec >&-; sleep 0.2; echo last >&2"), version="1")
    heard: list[str] = []
    ffmpeg.run([], listen=heard.append)
    assert heard == ["last\n"]
