"""The rules: what they clean, and above all what they leave alone."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from colab.handlers.enhance.engine import RewriteOptions
from colab.handlers.enhance.rules import RuleBasedRewriter, clean
from protocol.errors import JobFailed
from speech.faithful import Bounds

LONG = (
    "We open the dashboard and look at all of the numbers of the last week in the table, and then we click the export "
    "button, and we get a file with everything in it."
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("so, um, we we open the the file", "We open the file."),
        ("Okay, so basically we click on the Save button.", "We click the Save button."),
        ("so, um, in this video we wait", "In this video we wait."),
        ("Now we wait, um, for the answer.", "Now we wait for the answer."),
        ("It is, you know, quite fast.", "It is quite fast."),
        ("We utilize it in order to  save time.", "We use it to save time."),
        ("Go ahead and press Enter .", "Press Enter."),
        ('it says "done" and it\'s there', "It says “done” and it’s there."),
        ("this works. now we go on", "This works. Now we go on."),
        ("the first line\nand the second", "The first line\nand the second."),
        ("and here we wait,", "And here we wait."),
        (
            LONG,
            "We open the dashboard and look at all of the numbers of the last week in the table. Then we click the "
            "export button, and we get a file with everything in it.",
        ),
    ],
)
def test_what_is_cleaned(before: str, after: str) -> None:
    """Fillers, doubled words, wordy phrases, capitals, quotation marks, full stops, long sentences."""
    assert clean(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "So far, all of it works.",
        "So that you know, this is it.",
        "Like this one, the next step is short.",
        "I had had enough, and that that was clear.",
        "npm install takes a while.",
        "See approx. five of them, e.g. those here.",
        "Press [pause 1.5s] and *then then* wait.",
        "Run `git   commit` and `so, um`.",
        "See https://example.org/the-the/a-a for more.",
        "Open src/main.py and call run_all() now.",
        "There are 3 3 of them, 1,000 in all.",
        "The <em>the</em> stays.",
        "Name\nAddress\nPhone",
        "Save",
        "If you save the file, and you close the window after that, and then you open it once more with the other "
        "program, it is there.",
        "",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    """Words that look like fillers and are none, code, marks, addresses, numbers, labels, lists, dependent clauses."""
    assert clean(text) == text


def test_a_term_of_the_glossary_is_never_touched() -> None:
    """Whatever a rule would do with its words, also where it begins a sentence."""
    text = "the the is a band, and click on is a song. um is a city."
    terms = ("the the", "click on", "um")
    assert clean(text, glossary=terms) == text


def test_a_text_in_which_a_term_would_come_about_is_left_alone() -> None:
    """Cleaned again, the new term would be protected: then cleaning twice would not be cleaning once."""
    assert clean("see cell um one here", glossary=("cell one",)) == "see cell um one here"


@pytest.mark.parametrize("language", ["de", None])
def test_other_languages_get_blanks_and_a_full_stop_only(language: str | None) -> None:
    """What is a filler or a doubled word here is none there."""
    assert clean("um die  die Datei zu öffnen, so, so", language=language) == "um die die Datei zu öffnen, so, so."


def test_scripts_without_capitals_get_no_full_stop() -> None:
    """Their stops are others."""
    assert clean("保存  ファイル を 開く", language=None) == "保存 ファイル を 開く"


def test_a_prompt_is_no_prose() -> None:
    """No capitals, quotation marks or full stops; fillers go."""
    assert clean('um, a red fox, "low  light", 35mm', purpose="prompt") == 'a red fox, "low light", 35mm'


@pytest.mark.parametrize("text", ["um", "So, um.", "you know", "\U000f0001 the the", "…", "  "])
def test_no_text_is_emptied(text: str) -> None:
    """What would have nothing left to say keeps what it has."""
    cleaned = clean(text)
    assert any(map(str.isalnum, cleaned)) == any(map(str.isalnum, text))


MIXED = (
    "so um, basically, the the a we we you click on Save in order to utilize 3 1,000 3.5 x86 JupyterLab `a  b` *the* "
    "[pause] <b> e.g. and, and then we but it (if \"the file\" it's it’s … . ! ? , ; - -- \n \n\n don't Um ok, i.e. "
    'npm 5" $HOME https://a.b/c \\* & &amp; ** _x_ ü der'
)
WORDS = st.sampled_from(MIXED.split(" "))
TEXTS = st.one_of(st.lists(WORDS, max_size=60).map(" ".join), st.text(max_size=80))
TERMS = ("JupyterLab", "the the", "click on", "um")


def numbers(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d+(?:[.,:]\d+)*", text))


def named(text: str) -> list[str]:
    return [term for term in TERMS if re.search(rf"(?<!\w){term}(?!\w)", text)]


@given(TEXTS, st.sampled_from(["en", "de", None]), st.sampled_from(["narration", "prompt"]))
@example("so we so we, um, um. so, so we", "en", "narration")
def test_promises(text: str, language: str | None, purpose: str) -> None:
    """Cleaning twice is cleaning once; no number and no term is lost, and no text is emptied."""
    cleaned = clean(text, language=language, glossary=TERMS, purpose=purpose)
    assert clean(cleaned, language=language, glossary=TERMS, purpose=purpose) == cleaned
    assert numbers(cleaned) == numbers(text)
    assert set(named(cleaned)) >= set(named(text))
    assert bool(re.search(r"\w", cleaned)) == bool(re.search(r"\w", text))


def test_wishes_that_rules_cannot_follow_are_told() -> None:
    """They have no tone and make nothing shorter; a model is not theirs to load."""
    wish = RewriteOptions(
        purpose="narration",
        instruction="be kind",
        bounds=Bounds(words=5),
        temperature=0.0,
        seed=0,
        offload=False,
    )
    assert RuleBasedRewriter().unheeded(wish) == ["instruction", "max_words"]
    with pytest.raises(JobFailed, match="has none") as failed:
        RuleBasedRewriter().pick("qwen")
    assert failed.value.code == "UNSUPPORTED"
