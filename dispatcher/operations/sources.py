"""Sources: the files, folders and patterns that a user names, examined before anything is sent."""

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

_SUFFIXES = (
    ".3gp .aac .aiff .avi .bmp .flac .flv .jpeg .jpg .m2ts .m4a .m4v .mkv .mov .mp3 .mp4 .mpeg .mpg .mts .oga .ogg "
    ".ogv .opus .png .tif .tiff .ts .wav .webm .webp .wma .wmv"
)
MEDIA_SUFFIXES = frozenset(_SUFFIXES.split())
"""Suffixes of media files: such a file that cannot be read is reported even where it was only found in a folder."""

MEDIUM_NAMES = {"picture": "an image", "film": "a video", "sound": "an audio file", "text": "a text file"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file to work on. `below` is its subfolder in the folder that was named; results keep it."""

    path: Path
    below: Path = Path()
    named: bool = True  # by itself; a file that was only found in a folder may be unusable without an error
    called: Path | None = None  # the path that the user knows it by, where that is another one
    run: str | None = None  # the run whose output it is

    @property
    def display_path(self) -> Path:
        """The path that the user knows it by; results are named after it."""
        return self.called or self.path

    @property
    def display_name(self) -> str:
        """The name that the user knows it by."""
        return self.display_path.name


class WrongMediaType(MediaError):
    """An intact file of a type that the kind does not take: the command is wrong, not the file."""

    exit_code = UsageError.exit_code


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What a source is, by its content."""

    what: Medium
    container: str  # ffmpeg's name; for a text the suffix of its name, without the dot
    description: str  # a few words for people
    size: tuple[int, int] | None = None  # width and height as displayed
    stored: Mapping[str, Any] = field(default_factory=dict)  # what the run database stores of it


def find(names: Iterable[str | Path]) -> list[Source]:
    """Return the files that these names stand for, each once, in order.

    A folder stands for all files below it except hidden ones. Raises NotFoundError where there is no such file.
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
        raise NotFoundError(f"the folder {folder} has no files")
    for path in files:
        yield Source(path=path, below=path.parent.relative_to(folder), named=False)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def examine(source: Source, kind: Kind) -> SourceFacts:
    """Return what a source is. Raises MediaError with a hint where the kind cannot use it."""
    [(_, facts)] = examine_all([source], kind)
    if isinstance(facts, MediaError):
        raise facts
    return facts


def examine_all(sources: Sequence[Source], kind: Kind) -> Iterator[tuple[Source, SourceFacts | MediaError]]:
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


def _facts(media: MediaFile, kind: Kind) -> SourceFacts | MediaError:
    if media.what not in kind.takes:
        usable = " or ".join(MEDIUM_NAMES[what] for what in kind.takes)
        return WrongMediaType(f"{media.path} is {MEDIUM_NAMES[media.what]}; {kind.name} takes {usable}")
    if kind.hears and not media.sounds:
        return WrongMediaType(f"{media.path} has no sound to {kind.name}; give a video or a recording with sound")
    picture, seconds = media.picture, media.seconds
    size = f" of {picture.shown[0]}x{picture.shown[1]}" if picture else ""
    length = f", {seconds:.1f} s" if seconds is not None else ""
    return SourceFacts(
        what=media.what,
        container=media.container,
        description=f"{media.what}{size}{length}",
        size=picture.shown if picture else None,
        stored=facts_of(media),
    )


def usable_suffixes(kind: Kind) -> frozenset[str]:
    """Return the suffixes of files in a folder that the kind should be able to use."""
    return kind.endings or MEDIA_SUFFIXES


def _text(source: Source, kind: Kind) -> SourceFacts:
    """Return what a text file is; its content is only checked for being text.

    Programs, tables and web pages are text too: from a folder only files with a suffix of a text are taken.
    """
    path, suffix = source.path, source.display_path.suffix.casefold()
    if not source.named and kind.endings and suffix not in kind.endings:
        suffixes = " ".join(sorted(kind.endings))
        raise WrongMediaType(f"{path} does not have the suffix of a text ({suffixes}); name the file itself to use it")
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_TEXT_BYTES:
            raise MediaError(f"{path} has {size} bytes; give a text of 1 to {MAX_TEXT_BYTES} bytes")
        text = path.read_bytes().decode("utf-8")
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder; name a file in it") from error
    except PermissionError as error:
        raise MediaError(f"{path} may not be read; give yourself permission to read it") from error
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror or error}; is it still there?") from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        raise MediaError(f"{path} is not text: it contains a NUL character")
    return SourceFacts(what="text", container=suffix[1:], description=f"text of {len(text)} characters")
