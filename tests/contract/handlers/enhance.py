"""The case of `enhance`: notes of a screen recording, cleaned by the rules."""

from __future__ import annotations

from pathlib import Path

from colab.handlers.enhance import EnhanceHandler
from tests.contract.handlers.case import HandlerCase

PARAGRAPH = "so, um, we we click on the Save button in order to save the file\n\n"


def _notes(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("# Notes\n\n" + PARAGRAPH * 100, encoding="utf-8")
    return path


CASE = HandlerCase(
    kind="enhance",
    params={"glossary": ["Save"]},
    source=_notes,
    long_params={"batch_size": 10},
    long_handler=EnhanceHandler(checkpoint_s=0.0, batch=1),
)
