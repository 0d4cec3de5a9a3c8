"""The narration of a step: its markup, its lexicon, and its form in a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from protocol.errors import UsageError
from speech import lexicon, markup, scripts
from speech.markup import MarkedText, parse
from speech.preview import preview
from speech.text import pieces

FEATURES = ("lexicon", "pauses", "emphasis")
"""The features of a request that the simple form does not have."""


def checked(narration: str) -> str:
    """Return a narration as it is written. Raises ValueError, for pydantic, if it cannot be spoken."""
    try:
        parse(narration)
    except UsageError as wrong:
        raise ValueError(str(wrong)) from wrong
    return narration


def checked_lexicon(entries: Any) -> Any:
    """Return a spec's lexicon. Raises ValueError naming every invalid entry."""
    if wrong := lexicon.problems(entries):
        raise ValueError("; ".join(wrong))
    return dict(entries)


def plain(narration: str) -> str:
    """Return the text without markup, as it is shown and spoken."""
    return parse(narration).text


def pauses_s(narration: str) -> float:
    """Return the total length of its pauses, in seconds."""
    return sum(seconds for _, seconds in parse(narration).pauses)


def is_silent(narration: str, language: str, entries: Mapping[str, str]) -> bool:
    """Say whether a narration is silent: empty, or only pauses, emoji and punctuation."""
    return not pieces(plain(narration), language, lexicon.Lexicon(entries))


def wire_step(step_id: str, narration: str) -> dict[str, Any]:
    """Return a step of a request; without marks it has only the fields of the simple form."""
    script: MarkedText = parse(narration)
    step: dict[str, Any] = {"id": step_id, "narration": script.text}
    if script.pauses:
        step["pauses"] = [[place, seconds] for place, seconds in script.pauses]
    if script.emphasis:
        step["emphasis"] = list(script.emphasis)
    return step


def merged_lexicon(own: Mapping[str, str], file: str | Path | None) -> dict[str, str]:
    """Return the user's lexicon, in `file`, updated with the tour's. Raises UsageError naming an invalid entry."""
    return lexicon.merge(lexicon.load(Path(file)) if file else {}, own)


def used(entries: Mapping[str, str], texts: Iterable[str]) -> dict[str, str]:
    """Return the entries whose words occur in these texts: the others are not sent, and change no clip."""
    words = " ".join(word for text in texts for word in text.split()).casefold()
    return {written: said for written, said in entries.items() if " ".join(written.split()).casefold() in words}


def unsupported_features(params: Mapping[str, Any]) -> list[str]:
    """Return the features that a request uses and the simple form does not have."""
    return [name for name in FEATURES if params.get(name) or any(step.get(name) for step in params["steps"])]


def unreadable(steps: Sequence[tuple[str, str]], language: str, entries: Mapping[str, str]) -> list[str]:
    """Return a warning for each step (id, narration) with words that a voice of this language cannot read."""
    return [
        f"step {step_id}: {scripts.advice(strange, language)}"
        for step_id, narration in steps
        if (strange := scripts.unreadable(plain(narration), language, entries))
    ]


def misspelt(steps: Sequence[tuple[str, str]]) -> list[str]:
    """Return a warning for each mark in a step (id, narration) that looks like a pause but is not one."""
    return [
        f"step {step_id}: {markup.advice(written, meant)}"
        for step_id, narration in steps
        for written, meant in parse(narration).misspelt
    ]


def show_spoken(steps: Sequence[tuple[str, str]], language: str, entries: Mapping[str, str]) -> str:
    """Return how every step (id, narration) will be spoken; no worker is needed."""
    return "\n\n".join(_previews(steps, language, entries)) or "nothing is spoken"


def _previews(steps: Sequence[tuple[str, str]], language: str, entries: Mapping[str, str]) -> Iterator[str]:
    for step_id, narration in steps:
        if narration.strip():
            yield f"{step_id}: {preview(narration, language, entries)}"
