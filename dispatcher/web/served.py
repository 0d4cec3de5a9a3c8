"""Files of runs as a browser gets them: found by the run's id and the file's name in the database, never by a path.

What could act as a page of this server (HTML, SVG, scripts) is only ever saved, never shown.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from fastapi.responses import FileResponse

from dispatcher.runs.record import Artifact, Role
from protocol.errors import NotFoundError
from protocol.kinds.kind import SOURCE

Sort = Literal["film", "sound", "picture", "text", "file"]
State = Literal["here", "moved", "changed"]

TYPES: dict[str, tuple[Sort, str]] = {
    ".mp4": ("film", "video/mp4"),
    ".m4v": ("film", "video/mp4"),
    ".mov": ("film", "video/mp4"),  # browsers play most of them under this name only
    ".webm": ("film", "video/webm"),
    ".mkv": ("film", "video/x-matroska"),
    ".ogv": ("film", "video/ogg"),
    ".wav": ("sound", "audio/wav"),
    ".mp3": ("sound", "audio/mpeg"),
    ".m4a": ("sound", "audio/mp4"),
    ".aac": ("sound", "audio/aac"),
    ".flac": ("sound", "audio/flac"),
    ".ogg": ("sound", "audio/ogg"),
    ".opus": ("sound", "audio/ogg"),
    ".png": ("picture", "image/png"),
    ".jpg": ("picture", "image/jpeg"),
    ".jpeg": ("picture", "image/jpeg"),
    ".webp": ("picture", "image/webp"),
    ".gif": ("picture", "image/gif"),
    ".avif": ("picture", "image/avif"),
    ".vtt": ("text", "text/vtt; charset=utf-8"),
    ".srt": ("text", "text/plain; charset=utf-8"),
    ".ass": ("text", "text/plain; charset=utf-8"),
    ".txt": ("text", "text/plain; charset=utf-8"),
    ".tsv": ("text", "text/plain; charset=utf-8"),
    ".csv": ("text", "text/plain; charset=utf-8"),
    ".md": ("text", "text/plain; charset=utf-8"),
    ".log": ("text", "text/plain; charset=utf-8"),
    ".json": ("text", "application/json"),
}
"""What is shown, and as what. Everything else is saved."""

HEADERS = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-cache"}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A file of a run as a page shows it."""

    file: Artifact
    sort: Sort
    state: State
    url: str
    title: str  # what its user calls it

    @property
    def width(self) -> int | None:
        """Return how wide its picture is, where that is known."""
        return _whole((self.file.media or {}).get("width"))

    @property
    def height(self) -> int | None:
        """Return how high its picture is, where that is known."""
        return _whole((self.file.media or {}).get("height"))


def look(run_id: str, file: Artifact, files: Sequence[Artifact]) -> Shown:
    """Return how one of a run's files is shown, and whether it is still there."""
    sort, _ = _type(file)
    url = f"/runs/{quote(run_id, safe='')}/files/{file.role}/{quote(file.name)}"
    return Shown(file=file, sort=sort, state=state_of(file), url=url, title=title_of(file, files))


def state_of(file: Artifact) -> State:
    """Say whether a file is where it was, as long as it was."""
    try:
        facts = Path(file.path).stat()
    except (OSError, ValueError):
        return "moved"
    if not stat.S_ISREG(facts.st_mode):
        return "moved"
    return "here" if facts.st_size == file.size or file.role == "log" else "changed"  # logs grow


def pick(files: Sequence[Artifact], role: Role, name: str) -> Artifact:
    """Return the file of this role and name; one that is unknown, moved or another by now raises NotFoundError."""
    found = next((file for file in files if (file.role, file.name) == (role, name)), None)
    if found is None:
        raise NotFoundError(f"this run has no {role} {name!r}")
    if (state := state_of(found)) != "here":
        why = "is not there any more" if state == "moved" else "is another file now"
        raise NotFoundError(f"{found.path} {why}. The file of this run has the sha256 {found.sha256}")
    return found


def response(file: Artifact, title: str, *, save: bool = False) -> FileResponse:
    """Return a file; parts of it are sent to players that ask for parts."""
    sort, kind = _type(file)
    how: Literal["attachment", "inline"] = "attachment" if save or sort == "file" else "inline"
    return FileResponse(file.path, media_type=kind, headers=HEADERS, filename=title, content_disposition_type=how)


def _type(file: Artifact) -> tuple[Sort, str]:
    """Return what a file is, by its name; that of an input may have no ending, but its path has."""
    for name in (file.name, file.path):
        if suffix := Path(name).suffix.lower():
            return TYPES.get(suffix, ("file", "application/octet-stream"))
    return "file", "application/octet-stream"


def title_of(file: Artifact, files: Sequence[Artifact]) -> str:
    """Return what its user calls a file: an input by its own name, a result after the input that it was made of."""
    if file.role == "input":
        return Path(file.path).name
    name = Path(file.name).name
    source = next((Path(it.path) for it in files if (it.role, it.name) == ("input", SOURCE)), None)
    return f"{source.stem}{name.removeprefix(SOURCE)}" if source and name.startswith(f"{SOURCE}.") else name


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 < value < 100_000 else None


def plain(path: Path, *, save: bool = False) -> FileResponse:
    """Return a film or a picture that we made ourselves; one that is gone raises NotFoundError."""
    sort, kind = TYPES.get(path.suffix.lower(), ("file", ""))
    if sort not in ("film", "picture") or not path.is_file():
        raise NotFoundError(f"{path} is not there any more")
    how: Literal["attachment", "inline"] = "attachment" if save else "inline"
    return FileResponse(path, media_type=kind, headers=HEADERS, filename=path.name, content_disposition_type=how)
