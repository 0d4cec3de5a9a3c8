"""Frames through pipes: complete, bounded, and no process left behind."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from media import ffmpeg
from media.pipes import FrameReader, FrameWriter, frame_bytes
from protocol.errors import MediaError, StorageFull

SIZE = (63, 47)
BYTES = frame_bytes(SIZE, bits=8)
GIVES = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10,format=rgb24,crop=63:47,format=yuv420p", "-f", "rawvideo"]
TAKES = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", "63x47", "-i", "pipe:0"]


def test_odd_sizes_have_their_chroma_rounded_up() -> None:
    """63x47 has chroma of 32x24, and 10 bits take two bytes."""
    assert frame_bytes(SIZE, bits=8) == 63 * 47 + 2 * 32 * 24
    assert frame_bytes(SIZE, bits=10) == 2 * BYTES


def test_frames_come_one_by_one_and_end() -> None:
    """As many frames as ffmpeg makes, then None."""
    with FrameReader(ffmpeg.find(), [*GIVES, "-frames:v", "3", "pipe:1"], BYTES) as reader:
        frames = [reader.read() for _ in range(4)]
    assert [frame is None for frame in frames] == [False, False, False, True]
    assert all(frame is not None and frame.size == BYTES for frame in frames[:3])


def test_half_a_frame_is_an_error() -> None:
    """A stream that ends within a frame is not treated as complete."""
    with FrameReader(ffmpeg.find(), [*GIVES, "-frames:v", "1", "pipe:1"], BYTES + 1) as reader:  # noqa: SIM117
        with pytest.raises(MediaError, match=f"{BYTES} of the {BYTES + 1} bytes"):
            reader.read()


def test_a_decoding_error_carries_ffmpegs_message(tmp_path: Path) -> None:
    """The reason is in the error."""
    (tmp_path / "no.mkv").write_bytes(b"no film" * 99)
    arguments = [*ffmpeg.input_arguments(tmp_path / "no.mkv", "matroska"), "-f", "rawvideo", "pipe:1"]
    with FrameReader(ffmpeg.find(), arguments, 10) as reader, pytest.raises(MediaError, match="Invalid data"):
        reader.read()


def test_leaving_a_reader_ends_its_ffmpeg() -> None:
    """An endless source ends when its reader is closed."""
    with FrameReader(ffmpeg.find(), [*GIVES, "pipe:1"], BYTES) as reader:
        assert reader.read() is not None
        number = reader.pid
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_written_frames_come_back_bit_for_bit(tmp_path: Path) -> None:
    """Frames survive a lossless codec unchanged, in order."""
    chance = np.random.default_rng(1)
    frames = [chance.integers(16, 235, BYTES, dtype=np.uint8) for _ in range(5)]
    path = tmp_path / "a.mkv"
    with FrameWriter(ffmpeg.find(), [*TAKES, "-c:v", "ffv1", path]) as writer:
        for frame in frames:
            writer.write(frame)
        writer.finish()
    arguments = [*ffmpeg.input_arguments(path, "matroska"), "-f", "rawvideo", "pipe:1"]
    with FrameReader(ffmpeg.find(), arguments, BYTES) as reader:
        again = [reader.read() for _ in range(5)]
    assert all(np.array_equal(before, after) for before, after in zip(frames, again, strict=True) if after is not None)


def test_an_encoder_that_fails_says_why(tmp_path: Path) -> None:
    """Writing to an encoder that has ended raises its message, not a broken pipe."""
    with FrameWriter(ffmpeg.find(), [*TAKES, "-c:v", "libx264", tmp_path / "none" / "a.mkv"]) as writer:  # noqa: SIM117
        with pytest.raises(MediaError, match="No such file"):
            _feed(writer)


def test_a_full_disk_is_distinguished_from_other_failures() -> None:
    """/dev/full accepts nothing: StorageFull, while writing or at the end."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    arguments = [*TAKES, "-c:v", "rawvideo", "-f", "matroska", "/dev/full"]
    with FrameWriter(ffmpeg.find(), arguments) as writer, pytest.raises(StorageFull):
        _feed(writer)


def _feed(writer: FrameWriter) -> None:
    for _ in range(999):
        writer.write(bytes(BYTES))
    writer.finish()


def test_finished_writers_leave_no_open_file(tmp_path: Path) -> None:
    """A video of many pieces has as many writers, one after another, and keeps all of them until the end."""
    frame = np.zeros(BYTES, np.uint8)
    writers, opened = [], []
    for number in range(3):
        writers.append(FrameWriter(ffmpeg.find(), [*TAKES, "-c:v", "ffv1", tmp_path / f"{number}.mkv"]))
        writers[-1].write(frame)
        writers[-1].finish()
        opened.append(len(list(Path("/proc/self/fd").iterdir())))
    assert opened[0] == opened[1] == opened[2]


def test_stderr_is_passed_on_by_the_line(tmp_path: Path) -> None:
    """Every line, complete and in order; ffmpeg runs in the given folder."""
    lines: list[str] = []
    shown = [*GIVES[:3], GIVES[3] + ",showinfo=checksum=0,metadata=print:file=times.txt", *GIVES[4:]]
    with FrameReader(
        ffmpeg.find(), [*shown, "-frames:v", "5", "pipe:1"], BYTES, listen=lines.append, folder=tmp_path
    ) as reader:
        while reader.read() is not None:
            pass
    told = [line for line in lines if " n: " in line and "pts_time" in line]
    assert len(told) >= 5  # the filter may have seen one more
    assert all(f" n:{number:4d} " in line for number, line in enumerate(told))
    assert (tmp_path / "times.txt").exists()


def test_waiting_for_the_first_frame_may_be_stopped(tmp_path: Path) -> None:
    """While nothing comes, `waiting` is called in the reader's thread, and what it raises ends ffmpeg."""
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    calls: list[int] = []

    def waiting() -> None:
        calls.append(threading.get_ident())
        if len(calls) == 3:
            raise InterruptedError

    program = ffmpeg.Ffmpeg(path=tmp_path / "ffmpeg", version="1")
    with FrameReader(program, [], BYTES, waiting=waiting, waiting_s=0.01) as reader, pytest.raises(InterruptedError):
        reader.read()
    assert calls == [threading.get_ident()] * 3
    assert reader.status == -signal.SIGKILL


def test_waiting_ends_with_the_first_frame() -> None:
    """The frames are the same as without `waiting`."""
    calls: list[int] = []
    arguments = [*GIVES, "-frames:v", "3", "pipe:1"]
    with FrameReader(ffmpeg.find(), arguments, BYTES, waiting=lambda: calls.append(1)) as reader:
        first, told = reader.read(), len(calls)
        rest = [reader.read() for _ in range(3)]
    with FrameReader(ffmpeg.find(), arguments, BYTES) as reader:
        assert np.array_equal(reader.read(), first)
    assert [frame is None for frame in rest] == [False, False, True]
    assert told == len(calls) >= 1
