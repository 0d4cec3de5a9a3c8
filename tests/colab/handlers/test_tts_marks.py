"""Pauses, emphasis and respellings as they are heard."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from colab.engines.registry import EngineRow, EngineTable
from colab.handlers.tts import TtsHandler
from colab.handlers.tts.espeak import Espeak
from colab.handlers.tts.espeak_library import marked_up
from colab.handlers.tts.script import script
from protocol.errors import JobFailed
from protocol.kinds import tts

TEXT = "We save it here, and then we go on. Really? Yes."


def gap(clip, after: int) -> float:
    """Seconds of digital silence between two words."""
    end, start = clip.words[after][2], clip.words[after + 1][1]
    assert clip.level(end + 0.05, start - 0.02) == 0.0
    return start - end


@pytest.mark.parametrize("speed", [1.0, 1.5])
@pytest.mark.parametrize(("place", "seconds"), [(2, 0.5), (4, 1.25), (9, 2.0), (10, 0.1)])
def test_a_pause_is_heard_where_it_was_put(tell, speed, place, seconds):
    """Inside a sentence, after a comma, between sentences: exactly that silence, the same at every speed."""
    clip = tell({"narration": TEXT, "pauses": ((place, seconds),)}, speed=speed).clips[0]
    assert [word for word, _, _ in clip.words] == TEXT.split()
    assert gap(clip, place - 1) == pytest.approx(seconds, abs=0.03)


def test_pauses_at_the_ends_and_alone(tell):
    """Before the first word, after the last, and with no word at all, silence is as long as asked."""
    plain, marked, alone = tell(
        "Go on.", {"narration": "Go on.", "pauses": ((0, 1.0), (2, 1.5))}, {"narration": "", "pauses": ((0, 2.0),)}
    ).clips
    assert marked.words[0][1] - plain.words[0][1] == pytest.approx(1.0, abs=0.01)
    assert marked.seconds - plain.seconds == pytest.approx(2.5, abs=0.02)
    assert alone.seconds == pytest.approx(2.0, abs=0.01)


def test_a_pause_alone_is_no_silent_step(tell):
    """Silence that was asked for is not reported as nothing to speak; silence that was not, is."""
    assert "silent" not in tell({"narration": "", "pauses": ((0, 2.0),)}).result.summary
    assert tell({"narration": "🎉", "pauses": ()}).result.summary["silent"] == ["s0"]


def test_pauses_among_silent_words_add_up():
    """A mark before an emoji and one after it make one silence between the words around it."""
    made = script("a 🎉 b", "en", 300, pauses=((1, 0.5), (2, 0.25)))
    assert [(chunk.text, chunk.hold_s) for chunk in made.chunks] == [("a", 0.75), ("b", None)]


@pytest.mark.parametrize("language", ["en-us", "de", "fr", "hi"])
def test_emphasis_is_heard(language):
    """The stressed word is louder beside its neighbours, and all words keep their true times."""
    text = {
        "en-us": "We never save the notebook & today.",
        "de": "Wir sichern hier das Notizbuch heute.",
        "fr": "Nous ne gardons pas cahier ici.",
        "hi": "हम अब यह नया नोटबुक सहेजते हैं",
    }[language]
    engine = Espeak()
    voice = engine.pick("default", language)
    plain, stressed = engine.speak(text, voice, 1.0), engine.speak_emphasised(text, voice, 1.0, frozenset({4}))
    assert [word.text for word in stressed.words] == text.split()
    assert stressed.exact == plain.exact
    louder = [20 * np.log10(level(stressed, word) / level(plain, word)) for word in range(len(plain.words))]
    assert louder[4] > 2
    assert louder[4] > max(louder[:4]) + 1


def level(speech, place: int) -> float:
    word = speech.words[place]
    part = speech.samples[int(word.start_s * speech.rate) : int(word.end_s * speech.rate)]
    return float(np.sqrt(np.mean(np.square(part))))


def test_emphasis_reaches_the_clip(tell):
    """A step with emphasis sounds different from the same words without, and nothing says that it was ignored."""
    told = tell("Do not save it.", {"narration": "Do not save it.", "emphasis": (1,)})
    assert told.clips[0].wav.read_bytes() != told.clips[1].wav.read_bytes()
    assert "unstressed" not in told.result.summary


class EvenEngine:
    """An engine that has nothing but what every engine must have."""

    def __init__(self) -> None:
        real = Espeak()
        self.name, self.limit = real.name, real.limit
        self.record, self.pick, self.speak, self.files = real.record, real.pick, real.speak, real.files


def test_an_engine_that_cannot_emphasise_says_so(tell):
    """The words are spoken all the same, and the summary names the steps."""
    row = EngineRow(name="even", open=lambda _: EvenEngine())
    handler = TtsHandler(table=EngineTable(kind="speech", any_job=None, rows=(row,)))
    told = tell("Even.", {"narration": "Do not save it.", "emphasis": (1,)}, handler=handler)
    assert told.result.summary["unstressed"] == ["s1"]
    assert len(told.clips[1].words) == 4


def test_nothing_in_a_text_is_markup_to_espeak():
    """Stressed words are marked by us; what looks like a tag in the text is escaped, and places still fit."""
    source, places = marked_up("a <b> & c", frozenset({2}))
    assert source == 'a &lt;b&gt; <emphasis level="strong">&amp;</emphasis> c'
    assert len(places) == len(source) + 1
    assert [places[source.index(part)] for part in ("a", "&lt;", "&amp;", " c")] == [0, 2, 6, 8]
    assert marked_up("a <b>", frozenset()) == ("a <b>", [0, 1, 2, 3, 4, 5])


def test_the_lexicon_is_heard(tell):
    """Respelled words are spoken as respelled, and shown as written."""
    plain, lexicon = (tell("Open nginx now.", **more).clips[0] for more in ({}, {"lexicon": {"nginx": "engine ex"}}))
    respelled = tell("Open engine ex now.").clips[0]
    assert [word for word, _, _ in lexicon.words] == ["Open", "nginx", "now."]
    assert lexicon.wav.read_bytes() == respelled.wav.read_bytes() != plain.wav.read_bytes()


def test_a_wrong_lexicon_speaks_nothing(tell):
    """BAD_REQUEST, naming the entry, before any work."""
    with pytest.raises(JobFailed, match="entry \"x\" respells with '<'") as failed:
        tell("x", lexicon={"x": "<b>"})
    assert failed.value.code == "BAD_REQUEST"


@pytest.mark.parametrize(
    "marks",
    [
        {"pauses": ((3, 1.0),)},
        {"pauses": ((1, 1.0), (1, 1.0))},
        {"pauses": ((1, 1.0), (0, 1.0))},
        {"pauses": ((-1, 1.0),)},
        {"pauses": ((0, 61.0),)},
        {"pauses": ((0, float("nan")),)},
        {"emphasis": (2,)},
        {"emphasis": (-1,)},
        {"emphasis": (1.5,)},
    ],
)
def test_marks_outside_the_text_are_refused(marks):
    """A place without a word, or a pause that is none, never reaches an engine."""
    with pytest.raises(ValidationError):
        tts.Step(id="s", narration="two words", **marks)


def test_empty_wishes_change_nothing():
    """A request without marks and lexicon reads as it always did."""
    old = {"steps": [{"id": "a", "narration": "x"}]}
    assert tts.Params.model_validate(old).model_dump(exclude_defaults=True) == {
        "steps": ({"id": "a", "narration": "x"},)
    }


@pytest.mark.parametrize(
    ("text", "language", "least_s"),
    [
        ("🎉🚀👍 " * 300, "en-us", 0.3),
        ("مرحبا بالعالم، هذا دفتر ملاحظات. " * 40, "ar", 60),
        ("שלום עולם, open main.py — 🎉 ועכשיו 3.5 GB. " * 20, "he", 40),
        ("Price: 20€, حسنا, 你好, naïve café; v1.2.3! " * 20, "en-us", 40),
    ],
)
def test_bad_input_is_spoken_or_said(tell, text, language, least_s):
    """Emoji alone, right-to-left, mixed: every written word has its place, and silence is reported."""
    told = tell(text, language=language)
    clip = told.clips[0]
    assert [word for word, _, _ in clip.words] == text.split()
    assert clip.seconds >= least_s
    assert (told.result.summary.get("silent") == ["s0"]) == (not clip.samples.any())
    assert "doubtful" not in told.result.summary
