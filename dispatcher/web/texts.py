"""What text outputs say, as a page shows them: the beginning of each, and what has changed in one written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatcher.tour.narration.word_diff import Change, changes
from dispatcher.web.served import Shown

MOST_BYTES = 20_000
MOST_COMPARED = 8_000
"""So many characters of two texts are compared: that takes a tenth of a second."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A text as it is shown; `pieces` where it is compared with the one that it was made of."""

    title: str
    text: str
    pieces: Sequence[tuple[Change, str]] = ()
    cut: bool = False


def of(kind: str, inputs: Sequence[Shown], outputs: Sequence[Shown]) -> list[Preview]:
    """Return the text outputs of a run that can be read, without the data that is meant for programs."""
    before = next((text for it in inputs if (text := _read(it)) is not None), None) if kind == "enhance" else None
    found = [(it, text) for it in outputs if not it.file.name.endswith(".json") and (text := _read(it)) is not None]
    return [_preview(it, text, before) for it, text in found]


def _preview(shown: Shown, text: str, before: str | None) -> Preview:
    cut = shown.file.size > MOST_BYTES
    if before is None or cut or max(len(before), len(text)) > MOST_COMPARED:
        return Preview(title=shown.title, text=text, cut=cut)
    return Preview(title=shown.title, text=text, pieces=tuple(changes(before, text)))


def _read(shown: Shown) -> str | None:
    if shown.sort != "text" or shown.state != "here":
        return None
    try:
        with Path(shown.file.path).open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None  # it was moved away meanwhile: the list of files says so
