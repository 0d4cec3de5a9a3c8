"""The files that somebody names: files, folders and patterns become sources, looked at before anything is sent."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dispatcher.jobs.accept import facts_of
from media import confined
from media.info import MediaFile
from protocol.errors import MediaError, NotFoundError, UsageError
from protocol.kinds.kind import Kind, Medium

MAX_TEXT_BYTES = 16 << 20

_NAMES = (
    ".3gp .aac .aiff .avi .bmp .flac .flv .jpeg .jpg .m2ts .m4a .m4v .mkv .mov .mp3 .mp4 .mpeg .mpg .mts .oga .ogg "
    ".ogv .opus .png .tif .tiff .ts .wav .webm .webp .wma .wmv"
)
MEDIA_NAMES = frozenset(_NAMES.split())
"""Endings of names behind which a medium is expected: such a file that cannot be read is told, also in a folder."""

CALLED = {"picture": "an image", "film": "a video", "sound": "an audio file", "text": "a text file"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file to work on. `below` is where it lies in the folder that was named, so that copies keep its place."""

    path: Path
    below: Path = Path()
    named: bool = True  # by itself; a file that was found in a folder may be of no use without that being an error
    called: Path | None = None  # what people call it, where that is another path: results are named after this one
    run: str | None = None  # whose output it is

    @property
    def shown(self) -> Path:
        """Return the path that results are named after."""
        return self.called or self.path

    @property
    def called_name(self) -> str:
        """Return its name for people."""
        return self.shown.name


class WrongSort(MediaError):
    """A file is whole and of a sort that the kind does not take: what was asked for is wrong, not the file."""

    exit_code = UsageError.exit_code


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a source is, by its content."""

    what: Medium
    container: str  # by ffmpeg's name; of a text the ending of its name, without dot
    told: str  # in a few words for people
    size: tuple[int, int] | None = None  # of the picture, as it is shown
    remembered: Mapping[str, Any] = field(default_factory=dict)  # what the run database keeps of it


def find(names: Iterable[str | Path]) -> list[Source]:
    """Return what these files, folders and patterns name, each file once, in order.

    A folder stands for all files below it but hidden ones. What is not there raises NotFoundError.
    """
    found: dict[Path, Source] = {}
    for name in names:
        for source in _named(Path(name).expanduser()):
            found.setdefault(source.path.resolve(), source)
    return list(found.values())


def _named(path: Path) -> Iterator[Source]:
    if path.is_dir():
        yield from _below(path)
    elif path.exists() or not glob.has_magic(str(path)):
        if not path.exists():
            raise NotFoundError(f"{path} does not exist")
        yield Source(path=path)
    elif matches := sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 - Path.glob takes no absolute pattern
        for match in matches:
            yield from _named(Path(match))
    else:
        raise NotFoundError(f"no file matches {path}")


def _below(folder: Path) -> Iterator[Source]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_hidden(path.relative_to(folder))]
    if not files:
        raise NotFoundError(f"the folder {folder} holds no files")
    for path in files:
        yield Source(path=path, below=path.parent.relative_to(folder), named=False)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def look(source: Source, kind: Kind) -> Facts:
    """Return what a source is. One that the kind cannot use raises MediaError with the hint."""
    [(_, facts)] = look_at_all([source], kind)
    if isinstance(facts, MediaError):
        raise facts
    return facts


def look_at_all(sources: Sequence[Source], kind: Kind) -> Iterator[tuple[Source, Facts | MediaError]]:
    """Yield each source with what it is, or with why the kind cannot use it."""
    if kind.takes == ("text",):
        for source in sources:
            try:
                yield source, _text(source, kind)
            except MediaError as error:
                yield source, error
        return
    found = confined.examine_all(source.path for source in sources)
    for source, media in zip(sources, found, strict=True):
        yield source, media if isinstance(media, MediaError) else _facts(media, kind)


def _facts(media: MediaFile, kind: Kind) -> Facts | MediaError:
    if media.what not in kind.takes:
        wanted = " or ".join(CALLED[what] for what in kind.takes)
        return WrongSort(f"{media.path} is {CALLED[media.what]}; {kind.name} takes {wanted}")
    if kind.hears and not media.sounds:
        return WrongSort(f"{media.path} has no sound to {kind.name}; give a video or a recording that has")
    picture, seconds = media.picture, media.seconds
    size = f" of {picture.shown[0]}x{picture.shown[1]}" if picture else ""
    long = f", {seconds:.1f} s" if seconds is not None else ""
    return Facts(
        what=media.what,
        container=media.container,
        told=f"{media.what}{size}{long}",
        size=picture.shown if picture else None,
        remembered=facts_of(media),
    )


def expected(kind: Kind) -> frozenset[str]:
    """Return the endings of names in a folder behind which something for this kind is expected."""
    return kind.endings or MEDIA_NAMES


def _text(source: Source, kind: Kind) -> Facts:
    """Return what a text is; its content is not looked at beyond whether it is one.

    Programs, tables and pages are texts too: of a folder only what is called a text is taken, else whatever is named.
    """
    path, ending = source.path, source.shown.suffix.casefold()
    if not source.named and kind.endings and ending not in kind.endings:
        raise WrongSort(f"{path} is not called a text ({' '.join(sorted(kind.endings))}); name the file itself")
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_TEXT_BYTES:
            raise MediaError(f"{path} has {size} bytes; give a text of at most {MAX_TEXT_BYTES}, and not an empty one")
        text = path.read_bytes().decode("utf-8")
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder; name a file in it") from error
    except PermissionError as error:
        raise MediaError(f"{path} may not be read; give yourself the right to") from error
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror or error}; is it still there?") from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{path} is no text in UTF-8 (byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        raise MediaError(f"{path} is no text: it holds a NUL character")
    return Facts(what="text", container=ending[1:], told=f"text of {len(text)} characters")
