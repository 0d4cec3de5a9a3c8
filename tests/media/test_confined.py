"""Films are looked at in a process that they may break."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from media import confined
from media.ffmpeg import find
from media.probe import probe
from protocol.errors import MediaError
from tests.support.media import tone


@pytest.fixture(autouse=True)
def _a_process_of_its_own() -> Iterator[None]:
    """None waits from the test before, and none that a test made odd waits for the next."""
    confined.let_go()
    yield
    confined.let_go()


def test_the_same_facts_as_without(tmp_path: Path) -> None:
    """A film is found to be what it is, sound and all, also under a name that looks like an option or an address."""
    for name in ("-y.mp4", "http:x.mkv", "a b'.mov"):
        film = tmp_path / name
        sources = ["-f", "lavfi", "-i", "testsrc=s=64x48:r=30:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2"]
        find().run([*sources, f"file:{film}"])
        assert confined.probe(film) == probe(film)


@pytest.mark.parametrize("content", [b"ffconcat version 1.0\nfile '/etc/passwd'\n", b"", b"\0" * 1000])
def test_what_is_no_film_is_refused_as_without(tmp_path: Path, content: bytes) -> None:
    """The reason is the same, with the name of the file."""
    film = tmp_path / "a.mp4"
    film.write_bytes(content)
    with pytest.raises(MediaError) as without:
        probe(film)
    with pytest.raises(MediaError) as within:
        confined.probe(film)
    assert str(within.value) == str(without.value)


BREAKS = {
    "a crash": ("os.kill(os.getpid(), 11)", "broke the program"),
    "memory": ("confined._limit(); bytearray(confined.MEMORY_BYTES)", "broke the program"),
    "a file": ("confined._limit(); open(path + '.out', 'w', 1).write('x\\n'); print('{}')", "broke the program"),
    "for ever": ("time.sleep(600)", "takes longer than 1 s"),
}


@pytest.mark.fault("hostile-media")
@pytest.mark.skipif(sys.platform == "win32", reason="limits are Unix's")
@pytest.mark.parametrize("what", BREAKS)
def test_a_film_that_breaks_its_reader_is_only_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Crashing, filling the memory, writing a file and hanging end that process, in bounded time, and nothing else."""
    does, told = BREAKS[what]
    imports = (
        "import json, sys, os, time; sys.path.insert(0, sys.argv[1]); from media import confined; "
        "path = json.loads(sys.stdin.readline()); "
    )
    monkeypatch.setattr(confined, "_START", imports + does)
    with pytest.raises(MediaError, match=told):
        confined.probe(tmp_path / "a.mp4", time_s=1 if what == "for ever" else 60)
    assert not [path for path in tmp_path.iterdir() if path.stat().st_size]


def test_one_process_waits_for_the_next_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files one after the other have one process, none of them has the process of the file that broke it."""
    monkeypatch.setattr(
        confined,
        "_START",
        "import os, sys; sys.path.insert(0, sys.argv[1]); from media import confined; real = confined._told\n"
        "def told(path):\n"
        "    if path.name == 'evil.wav': os.kill(os.getpid(), 11)\n"
        "    return {'error': f'this is {os.getpid()}'}\n"
        "confined._told = told; confined.answer()",
    )
    told = []
    for name in ("a.wav", "b.wav", "evil.wav", "c.wav", "d.wav"):
        with pytest.raises(MediaError) as problem:
            confined.examine(tmp_path / name)
        told.append(str(problem.value))
    assert told[0] == told[1]
    assert "broke the program" in told[2]
    assert told[3] == told[4] != told[0]


@pytest.mark.skipif(sys.platform == "win32", reason="it cannot be timed there")
def test_a_process_that_waits_for_long_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that costs the next file nothing."""
    start = "import sys; sys.path.insert(0, sys.argv[1]); from media import confined\n"
    monkeypatch.setattr(confined, "_START", start + "confined.IDLE_S = 1; confined.answer()")
    sound = tone(tmp_path / "a.wav", 0.2)
    first = confined.examine(sound)
    [looker] = confined._waiting
    assert looker._process is not None
    assert looker._process.wait(10) == -14
    assert confined.examine(sound) == first


def test_many_files_are_looked_at_by_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that breaks it costs a new process, and the files after it are looked at all the same."""
    started = []
    start = confined._Looker._start

    def counted(looker: confined._Looker) -> object:
        started.append(1)
        return start(looker)

    monkeypatch.setattr(confined._Looker, "_start", counted)
    monkeypatch.setattr(
        confined,
        "_START",
        "import os, sys; sys.path.insert(0, sys.argv[1]); from media import confined; real = confined._told\n"
        "def told(path): return os.kill(os.getpid(), 11) if path.name == 'evil.wav' else real(path)\n"
        "confined._told = told; confined.answer()",
    )
    for name in ("a.wav", "evil.wav", "c.wav"):
        tone(tmp_path / name, 0.2)
    (tmp_path / "b.txt").write_text("no media")
    names = ["a.wav", "b.txt", "evil.wav", "c.wav"]
    told = list(confined.examine_all(tmp_path / name for name in names))
    assert [isinstance(each, MediaError) for each in told] == [False, True, True, False]
    assert "broke the program" in str(told[2])
    assert len(started) == 3  # the file that broke it is looked at once more, by itself


def test_a_process_that_another_file_left_broken_costs_no_good_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash that comes late is not held against the file that was next."""
    monkeypatch.setattr(
        confined,
        "_START",
        "import os, sys; sys.path.insert(0, sys.argv[1]); from media import confined; real, seen = confined._told, []\n"
        "def told(path): return os.kill(os.getpid(), 11) if seen else (seen.append(path), real(path))[1]\n"
        "confined._told = told; confined.answer()",
    )
    for name in ("a.wav", "b.wav", "c.wav"):
        tone(tmp_path / name, 0.2)
    told = list(confined.examine_all(tmp_path / name for name in ("a.wav", "b.wav", "c.wav")))
    assert not [each for each in told if isinstance(each, MediaError)]


def test_pictures_with_a_colour_profile_are_looked_at_in_a_row(tmp_path: Path) -> None:
    """Whatever else a frame carries."""
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
    told = list(confined.examine_all([picture] * 6))
    assert [each.what for each in told if not isinstance(each, MediaError)] == ["picture"] * 6
