"""`docs/models.md` lists the models that the table has."""

from __future__ import annotations

from pathlib import Path

from colab.models.known import MODELS
from colab.models.showing import in_words

PAGE = Path(__file__).parents[3] / "docs" / "models.md"


def test_the_page_has_the_table():
    """A row for each model, in the table's order: to write them anew, put what this compares into the page."""
    rows = [
        f"| `{model.name}` | {model.kind} | {in_words(model.size)} | {model.licence} | {model.purpose} |"
        for model in MODELS.values()
    ]
    between = PAGE.read_text("utf-8").partition("<!-- models -->\n")[2].partition("<!-- end of models -->")[0]
    assert between.splitlines()[2:] == rows
