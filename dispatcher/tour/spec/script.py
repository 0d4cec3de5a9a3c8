"""From the narration of a spec to what is sent: markup parsed, marks and lexicon beside the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from protocol.errors import UsageError
from speech import lexicon, markup, scripts
from speech.markup import Script, parse
from speech.preview import preview
from speech.text import pieces

FEATURES = ("lexicon", "pauses", "emphasis")
"""What a worker that knows only the simple form does not heed."""


def checked(narration: str) -> str:
    """Return a narration as it is written. Raises ValueError, for the spec's reader, where it cannot be spoken."""
    try:
        parse(narration)
    except UsageError as wrong:
        raise ValueError(str(wrong)) from wrong
    return narration


def checked_lexicon(entries: Any) -> Any:
    """Return a spec's lexicon. Raises ValueError naming every wrong entry."""
    if wrong := lexicon.problems(entries):
        raise ValueError("; ".join(wrong))
    return dict(entries)


def plain(narration: str) -> str:
    """Return the text that is shown and spoken."""
    return parse(narration).text


def pauses_s(narration: str) -> float:
    """Return how long its pause marks last together."""
    return sum(seconds for _, seconds in parse(narration).pauses)


def is_silent(narration: str, language: str, entries: Mapping[str, str]) -> bool:
    """Say whether nothing is heard of a narration: it is empty, or holds only pauses, emoji and punctuation."""
    return not pieces(plain(narration), language, lexicon.Lexicon(entries))


def wire_step(step_id: str, narration: str) -> dict[str, Any]:
    """Return a step of a request; without marks it is what it always was."""
    script: Script = parse(narration)
    step: dict[str, Any] = {"id": step_id, "narration": script.text}
    if script.pauses:
        step["pauses"] = [[place, seconds] for place, seconds in script.pauses]
    if script.emphasis:
        step["emphasis"] = list(script.emphasis)
    return step


def merged_lexicon(own: Mapping[str, str], file: str | Path | None) -> dict[str, str]:
    """Return the tour's lexicon over the user's, which lies in `file`. Raises UsageError naming a wrong entry."""
    return lexicon.merged(lexicon.load(Path(file)) if file else {}, own)


def used(entries: Mapping[str, str], texts: Iterable[str]) -> dict[str, str]:
    """Return the entries that these texts can have a use for: the others change no clip, and are not sent."""
    there = " ".join(word for text in texts for word in text.split()).casefold()
    return {written: said for written, said in entries.items() if " ".join(written.split()).casefold() in there}


def unsupported_features(params: Mapping[str, Any]) -> list[str]:
    """Return the wishes in a request that the simple form does not have."""
    return [wish for wish in FEATURES if params.get(wish) or any(step.get(wish) for step in params["steps"])]


def unreadable(steps: Sequence[tuple[str, str]], language: str, entries: Mapping[str, str]) -> list[str]:
    """Return a warning for each step (id, narration) with words that a voice of the language cannot read."""
    return [
        f"step {step_id}: {scripts.advice(strange, language)}"
        for step_id, narration in steps
        if (strange := scripts.unreadable(plain(narration), language, entries))
    ]


def misspelt(steps: Sequence[tuple[str, str]]) -> list[str]:
    """Return a warning for each mark of a step (id, narration) that looks like a pause and is none."""
    return [
        f"step {step_id}: {markup.advice(written, meant)}"
        for step_id, narration in steps
        for written, meant in parse(narration).misspelt
    ]


def show_spoken(steps: Sequence[tuple[str, str]], language: str, entries: Mapping[str, str]) -> str:
    """Return how every step (id, narration) will be spoken, without asking any worker."""
    return "\n\n".join(_shown(steps, language, entries)) or "nothing is spoken"


def _shown(steps: Sequence[tuple[str, str]], language: str, entries: Mapping[str, str]) -> Iterator[str]:
    for step_id, narration in steps:
        if narration.strip():
            yield f"{step_id}: {preview(narration, language, entries)}"
