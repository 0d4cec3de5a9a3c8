"""What has changed, word by word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.tour.narration.word_diff import changes, plain


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("the the file", "the file", "[-the -]the file"),
        ("we open", "We open.", "[-we-]{+We+} open{+.+}"),
        ("same", "same", "same"),
        ("", "new", "{+new+}"),
    ],
)
def test_what_goes_and_what_comes(before: str, after: str, shown: str) -> None:
    """As wdiff writes it."""
    assert plain(before, after) == shown


@given(st.text(alphabet="ab c.\n'", max_size=40), st.text(alphabet="ab c.\n'", max_size=40))
def test_both_texts_are_in_it(before: str, after: str) -> None:
    """Nothing is left out of either."""
    found = list(changes(before, after))
    assert "".join(text for kind, text in found if kind != "in") == before
    assert "".join(text for kind, text in found if kind != "out") == after
