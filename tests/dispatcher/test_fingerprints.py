"""Files are digested once, and one that changes meanwhile is no input."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dispatcher.jobs import digests
from dispatcher.jobs.digests import Fingerprints
from protocol.errors import MediaError, NotFoundError, UsageError
from protocol.integrity import sha256_of


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is another one."""
    read: list[Path] = []

    def reading(path: Path) -> tuple[int, str]:
        read.append(path)
        return sha256_of(path)

    monkeypatch.setattr(digests, "sha256_of", reading)
    film, known = tmp_path / "film", Fingerprints()
    film.write_bytes(b"one")
    assert known.of(film) == known.of(film) == sha256_of(film)
    film.write_bytes(b"two, longer")
    assert known.of(film) == sha256_of(film)
    assert len(read) == 2


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something still writes to it: half of it would be sent."""
    film = tmp_path / "film"
    film.write_bytes(b"begun")

    def growing(path: Path) -> tuple[int, str]:
        facts = sha256_of(path)
        with path.open("ab") as file:
            file.write(b"more")
        return facts

    monkeypatch.setattr(digests, "sha256_of", growing)
    with pytest.raises(UsageError, match=r"film changed while it was read.*when it is whole"):
        Fingerprints().of(film)


def test_a_file_that_changes_before_it_is_sent_is_noticed(tmp_path: Path) -> None:
    """Even when it keeps its size."""
    film, known = tmp_path / "film", Fingerprints()
    film.write_bytes(b"one")
    known.of(film)
    known.check_unchanged(film)
    film.write_bytes(b"two")
    os.utime(film, ns=(1, 1))
    with pytest.raises(UsageError, match="changed"):
        known.check_unchanged(film)


def test_a_file_that_is_gone_is_told_with_the_hint(tmp_path: Path) -> None:
    """Before its digest was taken, and after: an error of ours that names it, not the system's."""
    film, known = tmp_path / "film", Fingerprints()
    with pytest.raises(NotFoundError, match=r"film is not there any more.*Put it back"):
        known.of(film)
    film.write_bytes(b"one")
    known.of(film)
    film.unlink()
    with pytest.raises(NotFoundError, match="Put it back"):
        known.check_unchanged(film)


def test_a_file_that_cannot_be_read_is_told_with_the_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails, or a right that is missing, is an error of this file alone."""

    def failing(path: Path) -> tuple[int, str]:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    (tmp_path / "film").write_bytes(b"one")
    monkeypatch.setattr(digests, "sha256_of", failing)
    with pytest.raises(MediaError, match=r"film cannot be read: .*copy it to a disk that answers"):
        Fingerprints().of(tmp_path / "film")
