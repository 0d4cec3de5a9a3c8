"""Untrusted media is examined in a process that it may crash."""

from __future__ import annotations

import contextlib
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from media import confined
from media.confined import ConfinedExaminer
from media.ffmpeg import find
from media.probe import probe
from protocol.errors import MediaError
from tests.support.media import tone

IMPORTS = "import json, os, sys, time; sys.path.insert(0, sys.argv[1]); from media import confined; "


@pytest.fixture
def examiner_of() -> Iterator[Callable[[str], ConfinedExaminer]]:
    """Return a function that makes an examiner whose process runs this program; all are closed afterwards."""
    with contextlib.ExitStack() as stack:

        def make(program: str) -> ConfinedExaminer:
            return stack.enter_context(contextlib.closing(ConfinedExaminer(IMPORTS + program)))

        yield make


def test_the_same_answer_as_without_the_process(tmp_path: Path) -> None:
    """A video is described completely, also under a name that looks like an option or an address."""
    for name in ("-y.mp4", "http:x.mkv", "a b'.mov"):
        film = tmp_path / name
        sources = ["-f", "lavfi", "-i", "testsrc=s=64x48:r=30:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2"]
        find().run([*sources, f"file:{film}"])
        assert confined.probe(film) == probe(film)


@pytest.mark.parametrize("content", [b"ffconcat version 1.0\nfile '/etc/passwd'\n", b"", b"\0" * 1000])
def test_invalid_files_are_refused_as_without_the_process(tmp_path: Path, content: bytes) -> None:
    """The reason is the same, with the name of the file."""
    film = tmp_path / "a.mp4"
    film.write_bytes(content)
    with pytest.raises(MediaError) as without:
        probe(film)
    with pytest.raises(MediaError) as within:
        confined.probe(film)
    assert str(within.value) == str(without.value)


BREAKS = {
    "a crash": ("os.kill(os.getpid(), 11)", "crashed the program"),
    "memory": ("confined._limit(); bytearray(confined.MEMORY_BYTES)", "crashed the program"),
    "a file": ("confined._limit(); open(path + '.out', 'w', 1).write('x\\n'); print('{}')", "crashed the program"),
    "for ever": ("time.sleep(600)", "takes longer than 1 s"),
}


@pytest.mark.fault("hostile-media")
@pytest.mark.skipif(sys.platform == "win32", reason="limits are Unix's")
@pytest.mark.parametrize("what", BREAKS)
def test_a_video_that_breaks_its_reader_is_only_refused(
    tmp_path: Path, examiner_of: Callable[[str], ConfinedExaminer], what: str
) -> None:
    """Crashing, filling the memory, writing a file and hanging end that process, in bounded time, and nothing else."""
    does, message = BREAKS[what]
    examiner = examiner_of("path = json.loads(sys.stdin.readline()); " + does)
    with pytest.raises(MediaError, match=message):
        examiner.examine(tmp_path / "a.mp4", time_s=1 if what == "for ever" else 60)
    assert not [path for path in tmp_path.iterdir() if path.stat().st_size]


CRASHES_ON_EVIL = (
    "real = confined._answer\n"
    "def answer(path): return os.kill(os.getpid(), 11) if path.name == 'evil.wav' else real(path)\n"
    "confined._answer = answer; confined.serve()"
)


def test_one_process_examines_file_after_file(tmp_path: Path, examiner_of: Callable[[str], ConfinedExaminer]) -> None:
    """Consecutive files share a process; after a crash, the next files share a new one."""
    examiner = examiner_of(
        "\ndef answer(path):\n"
        "    if path.name == 'evil.wav': os.kill(os.getpid(), 11)\n"
        "    return {'error': f'this is {os.getpid()}'}\n"
        "confined._answer = answer; confined.serve()"
    )
    names = ("a.wav", "b.wav", "evil.wav", "c.wav", "d.wav")
    answers = [str(each) for each in examiner.examine_all(tmp_path / name for name in names)]
    assert answers[0] == answers[1]
    assert "crashed the program" in answers[2]
    assert answers[3] == answers[4] != answers[0]


@pytest.mark.skipif(sys.platform == "win32", reason="it cannot be timed there")
def test_an_idle_process_ends_by_itself(tmp_path: Path, examiner_of: Callable[[str], ConfinedExaminer]) -> None:
    """The next file is examined all the same."""
    examiner = examiner_of("confined.serve(idle_s=1)")
    sound = tone(tmp_path / "a.wav", 0.2)
    first = examiner.examine(sound)
    [idle] = examiner._idle
    assert idle._process is not None
    assert idle._process.wait(10) == -14
    assert examiner.examine(sound) == first
    assert examiner.started == 2


def test_a_crash_does_not_affect_other_files(tmp_path: Path, examiner_of: Callable[[str], ConfinedExaminer]) -> None:
    """A file that crashes the process costs a new process, and the files after it are examined as usual."""
    examiner = examiner_of(CRASHES_ON_EVIL)
    for name in ("a.wav", "evil.wav", "c.wav"):
        tone(tmp_path / name, 0.2)
    (tmp_path / "b.txt").write_text("no media")
    names = ["a.wav", "b.txt", "evil.wav", "c.wav"]
    answers = list(examiner.examine_all(tmp_path / name for name in names))
    assert [isinstance(each, MediaError) for each in answers] == [False, True, True, False]
    assert "crashed the program" in str(answers[2])
    assert examiner.started == 3  # the file that crashed it is examined once more, alone


def test_a_process_that_an_earlier_file_has_damaged_costs_no_good_file(
    tmp_path: Path, examiner_of: Callable[[str], ConfinedExaminer]
) -> None:
    """A delayed crash is not blamed on the file that came next."""
    examiner = examiner_of(
        "real, seen = confined._answer, []\n"
        "def answer(path): return os.kill(os.getpid(), 11) if seen else (seen.append(path), real(path))[1]\n"
        "confined._answer = answer; confined.serve()"
    )
    for name in ("a.wav", "b.wav", "c.wav"):
        tone(tmp_path / name, 0.2)
    answers = list(examiner.examine_all(tmp_path / name for name in ("a.wav", "b.wav", "c.wav")))
    assert not [each for each in answers if isinstance(each, MediaError)]


def test_images_with_a_colour_profile_are_examined_in_a_row(tmp_path: Path) -> None:
    """A colour profile in a frame does not crash PyAV."""
    picture = tmp_path / "profile.png"
    with av.open(str(picture), "w", format="image2") as file:
        stream = file.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 8, 8, "rgb24"
        file.mux(stream.encode(av.VideoFrame(8, 8, "rgb24")))
        file.mux(stream.encode(None))
    data = picture.read_bytes()
    profile = b"icc\0\0" + zlib.compress(b"\0\0\0\x84" + bytes(32) + b"acsp" + bytes(92))
    chunk = struct.pack(">I", len(profile)) + b"iCCP" + profile + struct.pack(">I", zlib.crc32(b"iCCP" + profile))
    picture.write_bytes(data[:33] + chunk + data[33:])
    answers = list(confined.examine_all([picture] * 6))
    assert [each.what for each in answers if not isinstance(each, MediaError)] == ["picture"] * 6
