"""Films are looked at in a process that they may break."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from media import confined
from media.ffmpeg import find
from media.probe import probe
from protocol.errors import MediaError


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
    "a file": ("confined._limit(); open(sys.argv[1] + '.out', 'w', 1).write('x\\n'); print('{}')", "broke the program"),
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
    imports = "import sys, os, time; sys.path.insert(0, sys.argv[2]); from media import confined; "
    monkeypatch.setattr(confined, "_START", imports + does)
    with pytest.raises(MediaError, match=told):
        confined.probe(tmp_path / "a.mp4", time_s=1 if what == "for ever" else 60)
    assert not [path for path in tmp_path.iterdir() if path.stat().st_size]
