"""docs/troubleshooting.md: every message that it explains is one that the code really prints."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
CODE = ("colab", "dispatcher", "media", "protocol", "speech", "gpudrop_start.py")
MESSAGES = re.findall(r"^### `(.+)`$", PAGE.read_text("utf-8"), re.MULTILINE)


def _texts() -> Iterator[str]:
    """Yield every text of the code, with … for each value that is filled in."""
    sources = [path.read_text("utf-8") for name in CODE for path in _modules(ROOT / name)]
    cells = json.loads((ROOT / "colab" / "worker.ipynb").read_text("utf-8"))["cells"]
    sources += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(str(it.value) if isinstance(it, ast.Constant) else "…" for it in node.values)


def _modules(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


TEXTS = tuple(_texts())


def _is_printed(message: str) -> bool:
    """Say whether one text of the code has all the words of a message, in their order."""
    pattern = re.compile(".*".join(re.escape(part.strip()) for part in message.split("…")), re.DOTALL)
    return any(pattern.search(text) for text in TEXTS)


@pytest.mark.parametrize("message", MESSAGES)
def test_the_code_prints_what_is_explained(message: str) -> None:
    """A message that was reworded has to be reworded here as well."""
    assert _is_printed(message)


def test_a_message_that_nobody_prints_is_noticed() -> None:
    """The check tells messages apart: one changed word, or another order, is another message."""
    assert _is_printed("no drop was found")
    assert not _is_printed("no drop was ever found")
    assert not _is_printed("was a drop before … is empty, but")


def test_every_message_has_a_cause_and_a_fix() -> None:
    """In that order, and none twice."""
    sections = re.split(r"^### ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert len(sections) == len(MESSAGES) == len(set(MESSAGES)) > 30
    for section in sections:
        assert re.search(r"\*\*Cause\.\*\* \S.*\n?\*\*Fix\.\*\* \S", section, re.DOTALL), section.splitlines()[0]
