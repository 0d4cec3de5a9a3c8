"""What models put around an answer, taken away before it is judged: tags, a preface, quotation marks, thoughts."""

from __future__ import annotations

import re

from speech import faithful

_THOUGHT = re.compile(r"^\s*<think>.*?</think>\s*", re.DOTALL)
_TAGS = re.compile(r"^\s*<(text|narration|prompt|answer|output)>\s*(.*?)\s*</\1>\s*$", re.DOTALL | re.IGNORECASE)
_PREFACE = re.compile(
    r"\A\s*(?:(?:sure|certainly|of course|okay)[,!.]?\s+)?(?:here(?:'s|’s| is)|below is)?[^\n:]{0,60}"
    r"\b(?:rewritten|revised|improved|enhanced|polished|edited)\b[^\n:]{0,60}:[ \t]*\n+",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\A\s*(?:rewritten|revised|enhanced|improved)(?: (?:text|narration|prompt|version))?:\s+", re.IGNORECASE
)


def tidied(original: str, answer: str) -> str:
    """Return an answer without what is around it. What stands in the original too is no ornament, and stays."""
    thought = _THOUGHT.match(answer)
    text = answer[thought.end() :] if thought else answer
    if found := _TAGS.match(text):
        text = found[2]
    for form in (_PREFACE, _LABEL):
        if (before := form.match(text)) and not form.match(original):
            text = text[before.end() :]
    text = text.strip()
    if faithful.is_quoted(text) and not faithful.is_quoted(original):
        text = text[1:-1].strip()
    if "\n" not in original.strip():
        text = re.sub(r"\s*\n\s*", " ", text)
    return text
