"""Files are digested once, and one that changes meanwhile is no input."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dispatcher.jobs.digests import InputDigests
from protocol.errors import MediaError, NotFoundError, UsageError
from protocol.integrity import sha256_of


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """Until it is another one."""
    read: list[Path] = []

    def reading(path: Path) -> tuple[int, str]:
        read.append(path)
        return sha256_of(path)

    film, known = tmp_path / "film", InputDigests(hash_file=reading)
    film.write_bytes(b"one")
    assert known.of(film) == known.of(film) == sha256_of(film)
    film.write_bytes(b"two, longer")
    assert known.of(film) == sha256_of(film)
    assert len(read) == 2


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Something still writes to it: half of it would be sent."""
    film = tmp_path / "film"
    film.write_bytes(b"begun")

    def growing(path: Path) -> tuple[int, str]:
        facts = sha256_of(path)
        with path.open("ab") as file:
            file.write(b"more")
        return facts

    with pytest.raises(UsageError, match=r"film changed while it was read.*when it is complete"):
        InputDigests(hash_file=growing).of(film)


def test_a_file_that_changes_before_it_is_sent_is_noticed(tmp_path: Path) -> None:
    """Even when it keeps its size."""
    film, known = tmp_path / "film", InputDigests()
    film.write_bytes(b"one")
    known.of(film)
    known.check_unchanged(film)
    film.write_bytes(b"two")
    os.utime(film, ns=(1, 1))
    with pytest.raises(UsageError, match="changed"):
        known.check_unchanged(film)


def test_a_file_that_is_gone_is_told_with_the_hint(tmp_path: Path) -> None:
    """Before its digest was taken, and after: an error of ours that names it, not the system's."""
    film, known = tmp_path / "film", InputDigests()
    with pytest.raises(NotFoundError, match=r"film no longer exists.*Put it back"):
        known.of(film)
    film.write_bytes(b"one")
    known.of(film)
    film.unlink()
    with pytest.raises(NotFoundError, match="Put it back"):
        known.check_unchanged(film)


def test_a_file_that_cannot_be_read_is_told_with_the_hint(tmp_path: Path) -> None:
    """A disk that fails, or a right that is missing, is an error of this file alone."""

    def failing(path: Path) -> tuple[int, str]:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    (tmp_path / "film").write_bytes(b"one")
    with pytest.raises(MediaError, match=r"film cannot be read: .*copy it to another disk"):
        InputDigests(hash_file=failing).of(tmp_path / "film")
