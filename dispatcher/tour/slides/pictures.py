"""Pictures of slides: files beside the spec, read whole into the deck."""

from __future__ import annotations

import base64
from pathlib import Path

MAX_BYTES = 16_000_000
_KINDS: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"),
)
"""What a file of a kind holds, from which byte on."""

_KNOWN = "png, jpeg, gif, webp, avif or svg"


def problem(written: str, path: Path) -> str | None:
    """Say why a picture cannot be shown, or None where it can."""
    if written.casefold().startswith(("http:", "https:", "data:")):
        return f"{written[:60]!r} is an address; save the picture beside the spec and name that file"
    try:
        if not path.is_file():
            return f"{written!r} is no file beside the spec ({path})"
        if (size := path.stat().st_size) > MAX_BYTES:
            return f"{written!r} has {size / 1e6:.0f} MB; make it smaller than {MAX_BYTES / 1e6:.0f} MB"
        return None if kind(path) else f"{written!r} is no picture that a browser shows; name a {_KNOWN} file"
    except OSError as error:  # a file that may not be read, or a name that no file system here could hold
        return f"{written[:60]!r} cannot be read ({error.strerror}); name a file you may read"


def kind(path: Path) -> str | None:
    """Return a picture's media type by what it holds, not by its name."""
    with path.open("rb") as file:
        head = file.read(1024)
    found = next((kind for mark, at, kind in _KINDS if head[at : at + len(mark)] == mark), None)
    return found or ("image/svg+xml" if b"<svg" in head else None)


def embedded(path: Path) -> str:
    """Return a picture as an address that holds it whole."""
    return f"data:{kind(path)};base64,{base64.b64encode(path.read_bytes()).decode()}"
