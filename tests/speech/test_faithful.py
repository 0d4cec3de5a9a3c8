"""Whether a rewritten text may be used: every reason why not, and no false alarm."""

from __future__ import annotations

import pytest

from speech import languages
from speech.faithful import Bounds, findings, is_quoted

TEXT = "We open JupyterLab and see that 3 of the 12 cells have run [pause 1s] in `main.py`, which is quick."


def found(answer: str, text: str = TEXT, **more: object) -> list[str]:
    return findings(text, answer, **{"glossary": ("JupyterLab",), "bounds": Bounds(), **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        TEXT,
        "In JupyterLab, three of the 12 cells have run [pause 1s] in `main.py`. That is quick.",
        "Open JupyterLab: 3 of 12 cells have quickly run [pause 1s] in `main.py`.",
    ],
)
def test_a_good_answer_has_no_findings(answer: str) -> None:
    """Other words with the same names, numbers and marks."""
    assert found(answer) == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "it is empty"),
        ("…", "it is empty"),
        (TEXT.replace("JupyterLab", "Jupyter"), "the glossary term 'JupyterLab' is missing"),
        (TEXT.replace("JupyterLab", "jupyterlab"), "the glossary term 'JupyterLab' is missing"),
        (TEXT.replace("12", "10"), "the number 12 is missing"),
        (TEXT.replace("12", "10"), "the number 10 is not in the original"),
        (TEXT.replace(" [pause 1s]", ""), "'[pause 1s]' is missing or changed"),
        (TEXT.replace("`", ""), "'`main.py`' is missing or changed"),
        (TEXT.replace("quick", "**quick**"), "it has stars that are not in the original"),
        ("- " + TEXT, "it is written in Markdown"),
        ("Here is the rewritten narration: " + TEXT, "it begins with a remark about itself"),
        (TEXT + " Let me know if this is good.", "it talks to the user"),
        (f'"{TEXT}"', "it is in quotation marks"),
        (TEXT + "<|im_end|>", "it contains control characters"),
        (
            TEXT + " And so on and so forth, as was to be shown by all of this.",
            "it has 35 words; at most 24 are allowed",
        ),
        ("JupyterLab 3 12 [pause 1s] `main.py`", ""),
        (TEXT + "x" * 200, "it has 299 characters; at most 173 are allowed"),
        (
            "Wir öffnen JupyterLab und sehen, dass 3 von den 12 Zellen in `main.py` [pause 1s] schnell sind.",
            "its language seems to be de, not en",
        ),
        ("Мы видим в JupyterLab, что 3 из 12 готовы [pause 1s] `main.py`", "it is written in Cyrillic instead of"),
        (TEXT + " <prosody>", "'<prosody>' is not in the original"),
        (TEXT + " <prosody>", "it contains the markup <prosody>"),
    ],
)
def test_each_fault_is_named(answer: str, reason: str) -> None:
    """The reason can be shown to a model and to the user."""
    assert any(reason in each for each in found(answer)) or not reason
    assert found(answer) or not reason


def test_what_leaves_something_out_is_told() -> None:
    """A long text must not become a headline."""
    text = "We look at each of the settings in turn, explain what it does, and say when you would want to change it."
    assert found("The settings.", text) == ["it has only 2 words of 22: something is left out"]


def test_the_text_itself_may_be_odd() -> None:
    """A peculiarity of the original is not a fault of the answer."""
    for text in ('"Hello there"', "- an item", "Here is the improved version: look", "It is * and * again."):
        assert found(text, text) == []


def test_a_prompt_may_gain_numbers_and_length() -> None:
    """It may become more detailed, within the allowed length."""
    longer = "A red fox in the snow, soft light, 35mm lens, shallow depth of field, film grain, in the evening."
    wish = {"purpose": "prompt", "bounds": Bounds(factor=4.0), "glossary": ()}
    assert found(longer, "A red fox in the snow", **wish) == []
    assert found(longer, "A red fox in the snow", **wish | {"bounds": Bounds(factor=4.0, words=10)})


@pytest.mark.parametrize(
    ("text", "quoted"), [('"So"', True), ("“So”", True), ('"A" and "b"', False), ("'tis", False), ('""', False)]
)
def test_a_whole_text_in_quotation_marks(text: str, quoted: bool) -> None:
    """A single pair of quotation marks around everything is recognised."""
    assert is_quoted(text) == quoted


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Now we open the file and look at it.", "en"),
        ("Jetzt öffnen wir die Datei und sehen sie an.", "de"),
        ("Maintenant nous ouvrons le fichier dans la fenêtre et les données.", "fr"),
        ("Ahora abrimos el archivo y vemos los datos en la pantalla.", "es"),
        ("JupyterLab", None),
        ("", None),
    ],
)
def test_a_language_shows_by_its_commonest_words(text: str, language: str | None) -> None:
    """If the language is unclear, nothing is reported."""
    assert languages.guess(text) == language
