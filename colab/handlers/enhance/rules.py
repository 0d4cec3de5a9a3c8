"""The embedded engine: fixed rules that clean a text. They add no idea and take none away; English first.

What they cannot do is a language model's: other words, another tone, the active voice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from colab.handlers.enhance import english
from colab.handlers.enhance.engine import Answer, RewriteOptions, RewriteRequest
from protocol.errors import JobFailed
from protocol.messages import Choices, EngineRecord
from speech import languages, protected

_PASSES = 12
"""Rules are applied until none has anything left to do; a text that never comes to rest stays as it was."""

_CASED = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN")
_LEAST_WORDS = 3
"""A text of fewer words is a label, and gets no full stop."""


class RuleBasedRewriter:
    """Cleans: blanks, doubled words, filler words, capitals, full stops, long sentences, quotation marks."""

    name = "rules"
    batch = 1000  # at one text after the other, rules and checks by turns, a processor is slower by a twentieth
    retries = 0

    def record(self) -> EngineRecord:
        """Say that rules did it: no model, no weights."""
        return EngineRecord(name=self.name, version="1", provider="python", device="cpu", tier="embedded")

    def choices(self) -> Choices:
        """Return the one way there is."""
        return {"model": ("auto",)}

    def pick(self, model: str) -> None:
        """Take no model but `auto`."""
        if model != "auto":
            raise JobFailed(
                f"model {model!r} was asked for, and the engine rules has none: leave --model out, or let a worker "
                "with the llm extra do it",
                code="UNSUPPORTED",
            )

    def files(self) -> tuple[str, ...]:
        """Return nothing: there is no model."""
        return ()

    def unheeded(self, wish: RewriteOptions) -> list[str]:
        """Rules follow no instruction, and make nothing shorter on purpose."""
        said = {"instruction": bool(wish.instruction), "max_words": wish.bounds.words is not None}
        return [name for name, wanted in said.items() if wanted]

    def write(self, asks: Sequence[RewriteRequest], wish: RewriteOptions, look_up: Callable[[], None]) -> list[Answer]:
        """Clean each text."""
        answers: list[Answer] = []
        for ask in asks:
            look_up()
            answers.append(clean(ask.text, language=ask.language, glossary=ask.glossary, purpose=wish.purpose))
        return answers


def clean(text: str, *, language: str | None = "en", glossary: Sequence[str] = (), purpose: str = "narration") -> str:
    """Return a cleaned text. Cleaning it again changes nothing; marks, code, numbers and terms stay as they are.

    A text that has nothing left to say, or that the rules cannot hold, is returned as it was.
    """
    try:
        hidden, parts = protected.hide(text, glossary)
    except ValueError:
        return text
    rules = _rules(text, language, purpose, parts)
    for _ in range(_PASSES):
        cleaned = hidden
        for rule in rules:
            cleaned = rule(cleaned)
        if cleaned == hidden:
            shown = protected.show(hidden, parts)
            return shown if _is_settled(shown, hidden, glossary) else text
        hidden = cleaned
    return text


def _is_settled(shown: str, hidden: str, glossary: Sequence[str]) -> bool:
    """Say whether words are left, and whether what is protected now is what was protected before."""
    if not any(mark.isalnum() for mark in shown):
        return False
    again, _ = protected.hide(shown, glossary)
    return again == hidden


def _rules(text: str, language: str | None, purpose: str, parts: Sequence[str]) -> list[Callable[[str], str]]:
    rules: list[Callable[[str], str]] = [blanks]
    if language == "en":
        rules += english.WORDS
        if purpose == "narration":
            rules += english.SENTENCES
    if purpose == "narration" and languages.script(text) in _CASED:
        rules.append(lambda hidden: full_stop(hidden, parts))
    return rules


def blanks(text: str) -> str:
    """Leave one blank between words, and none around line ends."""
    text = re.sub(r"[^\S\n]+", " ", text)
    return re.sub(r" ?\n ?", "\n", text).strip()


def full_stop(hidden: str, parts: Sequence[str]) -> str:
    """End a text that simply ends, or ends with a comma, by a full stop. Lists and labels are left alone."""
    if len(hidden.split()) < _LEAST_WORDS or _is_list(hidden):
        return hidden
    bare = hidden.rstrip(",") if hidden.endswith(",") and not hidden.endswith(",,") else hidden
    last = bare[-1:]
    part = protected.part_of(last, parts)
    ends_plain = last.isalpha() if part is None else part[-1:].isalnum() and part[:1] not in "[<\\"
    return f"{bare}." if ends_plain else hidden


def _is_list(text: str) -> bool:
    """Lines that neither end nor go on are items, not sentences."""
    lines = [line for line in text.split("\n") if line]
    goes_on = any(line[-1] in ".!?:;," for line in lines[:-1]) or any(line[0].islower() for line in lines[1:])
    return len(lines) > 1 and not goes_on
