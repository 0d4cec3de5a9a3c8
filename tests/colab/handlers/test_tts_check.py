"""What is found doubtful in a clip, and what is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from colab.handlers.tts import check
from colab.handlers.tts.engine import SpokenText, TimedWord
from colab.handlers.tts.espeak import Espeak
from colab.handlers.tts.script import Chunk, otherwise, script

RATE = 24_000
TEXT = "One click on the Python card opens a new notebook."
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def engine() -> Espeak:
    """One engine for all."""
    return Espeak()


def tone(seconds: float, level: float = 0.5, silence_s: float = 0.1) -> np.ndarray:
    """A hum between silences, fading out."""
    time = np.arange(round(seconds * RATE)) / RATE
    hum = level * np.sin(2 * np.pi * 150 * time) * np.minimum(1, (seconds - time) / 0.05)
    edge = np.zeros(round(silence_s * RATE))
    return np.concatenate([edge, hum, edge]).astype(np.float32)


def speech(samples: np.ndarray, text: str = TEXT) -> SpokenText:
    words = tuple(TimedWord(text=word, start_s=0, end_s=0) for word in text.split())
    return SpokenText(samples=samples, rate=RATE, words=words, exact=True)


def found(samples: np.ndarray, text: str = TEXT, speed: float = 1.0) -> tuple[str, ...]:
    return check.findings(speech(samples, text), text, speed)


def test_good_speech_is_left_alone():
    """Three seconds for ten words is nothing to speak of."""
    assert found(tone(3.0)) == ()


@pytest.mark.parametrize(
    ("samples", "speed", "told"),
    [
        (np.zeros(RATE, dtype=np.float32), 1.0, "nothing is heard of"),
        (np.zeros(0, dtype=np.float32), 1.0, "nothing is heard of"),
        (tone(0.6), 1.0, "lasts only 0.60 s"),
        (tone(1.5), 0.5, "lasts only 1.50 s"),
        (tone(60), 1.0, "lasts 60.0 s, at most"),
        (tone(10), 2.0, "lasts 10.0 s, at most"),
        (tone(3.0)[: 2 * RATE - 40], 1.0, "ends at full level"),
        (np.clip(tone(3.0, level=1.5), -1, 1), 1.0, "times at full scale"),
    ],
)
def test_what_cannot_be_right_is_found(samples, speed, told):
    """Silence, too short, too long, cut off in a sound, distorted: each is named, with the text."""
    reasons = found(samples, speed=speed)
    assert len(reasons) == 1
    assert told in reasons[0]
    assert "One click on" in reasons[0]


def test_a_touch_of_full_scale_is_no_distortion():
    """A peak that reaches full scale, and a flat top or two, are not heard."""
    samples = tone(3.0)
    samples[5000] = samples[9000] = 1.0
    samples[20_000:20_006] = 1.0
    assert check.clipped_runs(samples) == 1
    assert found(samples) == ()


QUIET_LANGUAGES = {
    "en-us": (
        "Hi!",
        "I",
        "OK",
        "Strengths",
        "Internationalization",
        "www",
        "x" * 70,
        "aaaaaaaaaaaaaaaaaaaa",
        "1,234,567.89",
        "$3.50 at 9:30am, v1.2.3, https://example.org/a?b=1",
        "GPU, CPU & SQL (API)",
        "A. B. C. D.",
    ),
    "ja": ("は", "これはノートです。", "東京に行く", "1234567", "ノートブックを開いて、最初のセルを実行します。"),
    "ar": ("لا", "مرحبا بالعالم", "افتح دفتر الملاحظات ثم شغّل الخلية الأولى", "١٢٣٤٥"),
    "cmn": ("你好，世界。", "我们打开笔记本，运行第一个单元格。", "12345"),
    "he": ("שלום עולם, hello.",),
    "de": ("Ja", "Donaudampfschifffahrtsgesellschaft", "1.234.567", "z.B. 3,5 GB am 3. Mai"),
    "fr": ("Oui", "Nous ouvrons le cahier."),
    "ru": ("Да", "взгляд"),
    "tr": ("İstanbul’da ı Ǆ ﬁ ½ ² Ⅷ ℃ ㎏",),
}


@pytest.mark.parametrize("language", QUIET_LANGUAGES)
@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_no_false_alarm(engine, language, speed):
    """Words, numbers, letters and sentences of many languages pass at every speed."""
    voice = engine.pick("default", language)
    for text in QUIET_LANGUAGES[language]:
        for chunk in script(text, language, engine.limit).chunks:
            assert check.findings(engine.speak(chunk.text, voice, speed), chunk.text, speed) == ()


@pytest.mark.parametrize("spec", sorted(EXAMPLES.rglob("*tour*.json")), ids=lambda path: path.parent.name)
def test_no_false_alarm_in_the_examples(engine, spec):
    """The narration of every example passes."""
    voice = engine.pick("default", "en-us")
    told = [step["narration"] for step in json.loads(spec.read_text("utf-8")).get("steps", []) if "narration" in step]
    for text in told:
        for chunk in script(text, "en-us", engine.limit).chunks:
            assert check.findings(engine.speak(chunk.text, voice, 1.0), chunk.text, 1.0) == ()


def test_another_try_says_the_same_words():
    """A chunk is halved at a comma in its middle, marks and all; a single piece gains or loses a full stop."""
    chunk = Chunk(text="a b, c d", words=(0, 0, 1, 2), pause_s=0.35, hold_s=1.0, emphasis=frozenset({1, 3}))
    first, second = otherwise(chunk)
    assert (first.text, first.words, first.hold_s, first.emphasis) == ("a b,", (0, 0), None, {1})
    assert (second.text, second.words, second.hold_s, second.emphasis) == ("c d", (1, 2), 1.0, {1})
    assert [part.text for part in otherwise(Chunk(text="x.", words=(0,), pause_s=0))] == ["x"]
    assert [part.text for part in otherwise(Chunk(text="x", words=(0,), pause_s=0))] == ["x."]


def failing(when):
    """An espeak that loses its voice when it is told to."""
    real = Espeak.speak

    def speak(self, text, voice, speed):
        said = real(self, text, voice, speed)
        if not when(text):
            return said
        return SpokenText(samples=np.zeros_like(said.samples), rate=said.rate, words=said.words, exact=True)

    return speak


def test_a_doubtful_clip_is_spoken_again(tell, monkeypatch):
    """What fails once and then comes right is not reported, and nothing is missing from the clip."""
    monkeypatch.setattr(Espeak, "speak", failing(lambda text: len(text.split()) > 6))
    told = tell(TEXT)
    assert "doubtful" not in told.result.summary
    assert [word for word, _, _ in told.clips[0].words] == TEXT.split()
    assert all(told.clips[0].level(start, end) > 0.02 for _, start, end in told.clips[0].words)


def test_what_stays_doubtful_is_reported(tell, monkeypatch):
    """After the second try the step and the reason are in the summary; other steps are not."""
    monkeypatch.setattr(Espeak, "speak", failing(lambda text: "Python" in text or "card" in text))
    told = tell(TEXT, "All is well.")
    assert told.result.summary["doubtful"] == {"s0": [f"nothing is heard of “{TEXT[:36].rstrip()} …”"]}
    assert told.result.summary["silent"] == ["s0"]
