"""The case of `enhance`: notes of a screen recording, cleaned by the rules."""

from __future__ import annotations

from pathlib import Path

from tests.contract.handlers.case import HandlerCase

PARAGRAPH = "so, um, we we click on the Save button in order to save the file\n\n"


def _notes(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("# Notes\n\n" + PARAGRAPH * 100, encoding="utf-8")
    return path


def _shorten(monkeypatch: object) -> None:
    monkeypatch.setattr("colab.handlers.enhance.rewriting.CHECKPOINT_S", 0.0)  # type: ignore[attr-defined]
    monkeypatch.setattr("colab.handlers.enhance.rules.Rules.batch", 1)  # type: ignore[attr-defined]


CASE = HandlerCase(
    kind="enhance",
    params={"glossary": ["Save"]},
    source=_notes,
    long_params={"batch_size": 10},
    shorten=_shorten,
)
