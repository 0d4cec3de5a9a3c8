"""A film in pieces that stand for themselves: where they begin, and which kept ones are good. Never trusts a file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.pieces import join
from media.confined import examine
from protocol.errors import MediaError
from protocol.kinds.kind import CHECKPOINTS

_NAME = CHECKPOINTS + "{:08d}-{:08d}.mkv"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The frames from `start` up to `end`, which is no longer in it."""

    start: int
    end: int

    @property
    def name(self) -> str:
        """Return where its checkpoint lies."""
        return _NAME.format(self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What every piece of one film is like."""

    size: tuple[int, int]  # width and height in pixels
    codec: str
    bits: int
    header: bytes  # the encoder's own, which all pieces of a film share


def frames_each(size: tuple[int, int], pixels: int, *, fewest: int, most: int) -> int:
    """Return how many frames make a piece. The same for every attempt: it follows from sizes, never from speed."""
    return min(most, max(fewest, pixels // (size[0] * size[1])))


def like(sample: Path) -> Encoded:
    """Return what a piece made here is like, and so any other of the same film."""
    picture = examine(sample).picture
    assert picture is not None  # we wrote it
    return Encoded(size=picture.size, codec=picture.codec, bits=picture.pixels.bits, header=join.header(sample))


def is_name(name: str) -> bool:
    """Say whether a checkpoint is called as a piece is."""
    return _parse(name) is not None


def kept(names: Iterable[str], place: Callable[[str], Path], each: int, like: Encoded) -> dict[int, Piece]:
    """Return the pieces of earlier attempts that are what they should be, by their first frame."""
    found = map(_parse, names)
    good = (
        piece for piece in found if piece is not None and _fits(piece, each) and _is(piece, place(piece.name), like)
    )
    return {piece.start: piece for piece in good}


def _parse(name: str) -> Piece | None:
    stem = name.removeprefix(CHECKPOINTS).removesuffix(".mkv")
    start, _, end = stem.partition("-")
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit()):
        return None
    piece = Piece(start=int(start), end=int(end))
    return piece if piece.name == name else None


def _fits(piece: Piece, each: int) -> bool:
    return piece.start % each == 0 and 0 < piece.end - piece.start <= each


def _is(piece: Piece, path: Path, like: Encoded) -> bool:
    try:
        media = examine(path)
        picture = media.picture
        return (
            media.container == "matroska"
            and picture is not None
            and not media.sounds
            and not media.subtitles
            and (picture.size, picture.codec, picture.pixels.bits) == (like.size, like.codec, like.bits)
            and picture.frames == piece.end - piece.start
            and join.header(path) == like.header
        )
    except MediaError:
        return False


def in_order(pieces: Iterable[Piece]) -> list[Piece]:
    """Return pieces from the first frame to the last; one that is missing is our own impossibility."""
    ordered = sorted(pieces, key=lambda piece: piece.start)
    assert ordered, "a film without a piece"
    assert ordered[0].start == 0, ordered[0]
    assert all(before.end == after.start for before, after in itertools.pairwise(ordered))
    return ordered
