"""Files, folders and patterns become sources; what cannot be used is said before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dispatcher.operations.sources import Source, examine, find
from protocol.errors import MediaError, NotFoundError
from protocol.kinds import echo
from protocol.kinds.kind import Kind
from tests.support import odd_media

FILMS = Kind(name="improve", params=echo.Params, outputs=echo.outputs, takes=("film", "picture"))
TEXTS = Kind(name="rewrite", params=echo.Params, outputs=echo.outputs, takes=("text",))


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_a_folder_stands_for_what_lies_below_it(tmp_path: Path) -> None:
    """Its files come in order, with their place in it; hidden ones do not."""
    touch(tmp_path / "b.mp4", tmp_path / "a" / "c.mp4", tmp_path / ".cache" / "d.mp4", tmp_path / ".e.mp4")
    found = find([tmp_path])
    assert [(each.path.name, str(each.below), each.named) for each in found] == [
        ("c.mp4", "a", False),
        ("b.mp4", ".", False),
    ]


def test_a_pattern_is_understood_where_no_shell_has_done_so(tmp_path: Path) -> None:
    """Quoted patterns match files, also in folders below; a file whose name looks like one is that file."""
    touch(tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "c.txt", tmp_path / "deep" / "d.mp4", tmp_path / "[1].mp4")
    assert [each.path.name for each in find([tmp_path / "?.mp4"])] == ["a.mp4", "b.mp4"]
    assert "d.mp4" in {each.path.name for each in find([tmp_path / "**" / "*.mp4"])}
    assert [each.path.name for each in find([tmp_path / "[1].mp4"])] == ["[1].mp4"]


def test_a_file_is_worked_on_once(tmp_path: Path) -> None:
    """However often and by whatever way it is named."""
    touch(tmp_path / "a.mp4")
    (tmp_path / "same.mp4").symlink_to(tmp_path / "a.mp4")
    assert len(find([tmp_path / "a.mp4", tmp_path, tmp_path / "*.mp4"])) == 1


@pytest.mark.parametrize("name", ["none.mp4", "none-*.mp4", "empty"])
def test_what_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    """A missing file, a pattern without a match and an empty folder are errors that name it."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match=name.replace("*", r"\*")):
        find([tmp_path / name])


def test_a_source_is_what_its_content_says(tmp_path: Path) -> None:
    """A wrong ending changes nothing."""
    film = odd_media.film(tmp_path / "film.mp4").rename(tmp_path / "film.wav")
    facts = examine(Source(path=film), FILMS)
    assert (facts.what, facts.container) == ("film", "mov")
    assert "64x48" in facts.description


def test_a_sound_is_no_film(tmp_path: Path) -> None:
    """What the kind does not take is refused in words."""
    with pytest.raises(MediaError, match="is an audio file; improve takes a video or an image"):
        examine(Source(path=odd_media.SOUNDS["silence"](tmp_path)), FILMS)


@pytest.mark.parametrize("name", odd_media.BAD)
def test_what_nobody_can_use_is_refused_here(tmp_path: Path, name: str) -> None:
    """The file is named, and nothing is sent."""
    bad = odd_media.BAD[name](tmp_path)
    with pytest.raises(MediaError, match=bad.name):
        examine(Source(path=bad), FILMS)


@pytest.mark.parametrize(
    ("data", "why"), [(b"", "0 bytes"), (b"\xff\xfeA\0", "UTF-8"), (b"a\0b", "NUL")], ids=["empty", "UTF-16", "NUL"]
)
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    """The reason is said."""
    (tmp_path / "notes.txt").write_bytes(data)
    with pytest.raises(MediaError, match=why):
        examine(Source(path=tmp_path / "notes.txt"), TEXTS)


def test_a_text_is_taken(tmp_path: Path) -> None:
    """Whatever its ending."""
    (tmp_path / "notes").write_text("Guten Tag, Grüße.")
    assert examine(Source(path=tmp_path / "notes"), TEXTS).what == "text"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    """With the hint."""
    touch(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").chmod(0)
    with pytest.raises(MediaError, match="may not be read"):
        examine(Source(path=tmp_path / "a.mp4"), FILMS)
