"""Results get their names and their place, and nothing of the user's is lost for it."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from dispatcher.operations import targets
from protocol.errors import EnvironmentNotReady, NotFoundError, StorageFull, UsageError


@pytest.mark.parametrize(
    ("source", "output", "name"),
    [
        ("talk.mp4", "source.srt", "talk.srt"),
        ("my.talk.mp4", "source.upscaled.mp4", "my.talk.upscaled.mp4"),
        ("source.mp4", "source.source.txt", "source.source.txt"),
        ("talk.mp4", "sources.txt", "sources.txt"),
    ],
)
def test_a_result_is_called_after_its_source(source: str, output: str, name: str) -> None:
    """Only where the kind says so, and only the first word."""
    assert targets.name_after(Path(source), output) == name


def test_a_file_in_the_way_stays(tmp_path: Path) -> None:
    """It is named, with what can be done."""
    (tmp_path / "a.srt").write_text("by hand")
    with pytest.raises(UsageError, match=r"a\.srt is there already.*--overwrite"):
        targets.check_free([tmp_path / "a.srt", tmp_path / "b.srt"])


def test_a_result_is_placed_whole(tmp_path: Path) -> None:
    """Its folder is made; a second time nothing is written."""
    (tmp_path / "result").write_text("result")
    target = tmp_path / "new" / "a.srt"
    targets.place(tmp_path / "result", target)
    before = target.stat()
    targets.place(tmp_path / "result", target)
    assert target.read_text() == "result"
    assert target.stat().st_ino == before.st_ino
    assert [path.name for path in target.parent.iterdir()] == ["a.srt"]


def test_a_full_disk_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that the work is kept, and the file that was there stays as it was."""
    (tmp_path / "result").write_text("result")
    target = tmp_path / "a.srt"
    target.write_text("before")

    def full(_source: Path, part: Path) -> None:
        part.write_text("re")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StorageFull, match="the work is done and kept"):
        targets.place(tmp_path / "result", target)
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.srt", "result"]


def test_what_keeps_a_result_from_its_place_is_told_apart(tmp_path: Path) -> None:
    """What may pass is an environment that is not ready; what never does is a bad name, a taken one, a lost result."""
    (tmp_path / "result").write_text("result")
    (tmp_path / "stick").write_text("a file where a folder would be")
    (tmp_path / "taken.txt").write_text("by hand")
    with pytest.raises(EnvironmentNotReady, match="Is its disk there"):
        targets.place(tmp_path / "result", tmp_path / "stick" / "deep" / "a.srt")
    with pytest.raises(UsageError, match="no file can be called"):
        targets.place(tmp_path / "result", tmp_path / ("n" * 300))
    with pytest.raises(UsageError, match="is there already"):
        targets.place(tmp_path / "result", tmp_path / "taken.txt", overwrite=False)
    with pytest.raises(NotFoundError, match="is gone from this disk"):
        targets.place(tmp_path / "lost", tmp_path / "taken.txt")
    assert (tmp_path / "taken.txt").read_text() == "by hand"


def test_a_folder_that_cannot_be_written_to_is_said_before_the_work(tmp_path: Path) -> None:
    """A file stands where the folder would be."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(EnvironmentNotReady, match="--out"):
        targets.check_folder(tmp_path / "out" / "deep")
