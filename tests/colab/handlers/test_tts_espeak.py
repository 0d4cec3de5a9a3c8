"""The embedded engine itself: what it speaks, in which voice, how fast, and when each word sounds."""

from __future__ import annotations

import numpy as np
import pytest

from colab.handlers.tts import espeak_library
from colab.handlers.tts.engines import ENGINES, VoiceRequest
from colab.handlers.tts.espeak import Espeak
from colab.handlers.tts.sound import loud_frames
from protocol.errors import JobFailed

SENTENCE = "Welcome to the launcher, where every notebook begins."


@pytest.fixture(scope="module")
def engine() -> Espeak:
    return Espeak()


def length(engine: Espeak, text: str, language: str, speed: float) -> float:
    speech = engine.speak(text, engine.pick("default", language), speed)
    loud = loud_frames(speech.samples, speech.rate)
    return float(loud[-1] + 1 - loud[0]) * 0.005


@pytest.mark.parametrize("speed", [0.5, 0.7, 0.9, 1.1, 1.4, 1.7, 2.0])
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-us", SENTENCE),
        ("en-gb", "Hello world."),
        ("de", "Willkommen im Starter, wo jedes Notizbuch beginnt."),
        ("fr", "Voici le graphique que nous venons de dessiner."),
        ("es", "Bienvenidos al lanzador, donde empieza cada cuaderno."),
        ("ja", "これはとてもいいノートブックです。"),
        ("cmn", "欢迎使用笔记本，我们现在开始。"),
    ],
)
def test_duration_follows_speed(engine, language, text, speed):
    """Speech at speed s takes 1/s of its time at speed 1, within 10 %, in every kind of language."""
    assert length(engine, text, language, speed) * speed == pytest.approx(length(engine, text, language, 1), rel=0.1)


def test_the_same_words_sound_the_same(engine):
    """What was said before changes not a sample: utterances can be cached, resumed and compared."""
    voice = engine.pick("default", "en-us")
    first = engine.speak(SENTENCE, voice, 1.2)
    engine.speak("Something else.", engine.pick("de+f3", "de"), 0.8)
    again = Espeak().speak(SENTENCE, voice, 1.2)
    assert np.array_equal(first.samples, again.samples)
    assert first.words == again.words


def test_it_speaks_at_its_own_rate_without_clipping(engine):
    """Samples are mono floats at 22.05 kHz that stay within full scale."""
    speech = engine.speak(SENTENCE, engine.pick("default", "en-us"), 1.0)
    assert (speech.rate, speech.samples.dtype, speech.samples.ndim) == (22050, np.float32, 1)
    assert 0.2 < float(np.abs(speech.samples).max()) < 1.0


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("en_US", "en-us"),
        ("EN-gb", "en-gb"),
        ("en", "en-us"),
        ("de", "de"),
        ("de-DE", "de"),
        ("fr_FR", "fr-fr"),
        ("ja-JP", "ja"),
        ("pt-PT", "pt-pt"),
        ("pt-br", "pt-br"),
        ("zh-CN", "cmn"),
        ("zh_HK", "yue"),
    ],
)
def test_languages_are_found_however_written(engine, asked, spoken):
    """Case, underscores and regions that make no difference are understood."""
    assert engine.pick("default", asked).language == spoken


@pytest.mark.parametrize("asked", ["xx", "klingonese", "en-au", "de-zzz", "fo", "../../etc"])
def test_an_unknown_language_lists_what_exists(engine, asked):
    """A language that is not there is BAD_REQUEST, and the message names those that are."""
    with pytest.raises(JobFailed, match=r"it speaks: .*de, .*en-gb, .*en-us, .*zh") as failed:
        engine.pick("default", asked)
    assert failed.value.code == "BAD_REQUEST"


def test_every_choice_can_be_picked(engine):
    """What the card will list is taken: voices of the language, variants, stand-ins; a star is one of many."""
    choices = engine.choices()
    assert {"default", "en-us", "f3", "en-us+*", "am_michael"} <= set(choices["voice"])
    for variant in [voice for voice in choices["voice"] if voice in {"default", "f3", "en-gb", "am_michael"}]:
        assert engine.pick(variant, "en-us").name
    assert engine.pick("en-us+f3", "en-us").name == "en-us+f3"
    assert engine.pick("default", "de-AT").name == "de"
    assert "de-*" in choices["language"]
    assert "en-*" not in choices["language"], "English has regions of its own"


def test_every_language_speaks(engine, capfd):
    """Each language in the list gives sound, and the library has nothing to complain about."""
    mute = [
        language
        for language in engine.choices()["language"]
        if "*" not in language
        and not loud_frames(engine.speak("test 12", engine.pick("default", language), 1.0).samples, 22050).size
    ]
    assert mute == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("voice", "language", "by", "substituted"),
    [
        ("default", "en-us", "en-us", False),
        ("en-us+f3", "en-us", "en-us+f3", False),
        ("EN_US+F3", "en-us", "en-us+f3", False),
        ("en-gb", "en-us", "en-gb", False),
        ("Annie", "de", "de+Annie", False),
        ("am_michael", "en-us", "en-us+m3", True),
        ("af_heart", "en-us", "en-us+f3", True),
        ("bf_emma", "en-us", "en-gb+f3", True),
        ("ff_siwis", "fr-fr", "fr-fr+f3", True),
        ("zf_xiaoni", "zh", "cmn+f3", True),
    ],
)
def test_voices_are_used_or_replaced(engine, voice, language, by, substituted):
    """A voice of ours is used as asked; another engine's is replaced by the nearest, and marked as replaced."""
    picked = engine.pick(voice, language)
    assert (picked.name, picked.substituted) == (by, substituted)


@pytest.mark.parametrize(
    ("voice", "language", "message"),
    [
        ("en-us+zzz", "en-us", r"no voice variant 'zzz'; it has: .*Annie"),
        ("de+f2", "en-us", "set the language to de"),
        ("ff_siwis", "en-us", "speaks fr-fr, but the text is in en-us: set the language to fr-fr"),
        ("alloy", "de", r"no voice 'alloy'; espeak has for de: default, de, .*Annie.*am_michael"),
        ("af_hearth", "en-us", r"no voice 'af_hearth'; espeak has for en-us: .*en-gb, .*en-us, .*af_heart"),
    ],
)
def test_an_impossible_voice_is_refused(engine, voice, language, message):
    """A variant that does not exist, or a voice of another language, is BAD_REQUEST with the hint."""
    with pytest.raises(JobFailed, match=message) as failed:
        engine.pick(voice, language)
    assert failed.value.code == "BAD_REQUEST"


def test_voices_differ(engine):
    """The replacement for a woman's voice is not the one for a man's."""
    she, he = (engine.speak(SENTENCE, engine.pick(name, "en-us"), 1.0).samples for name in ("af_heart", "am_michael"))
    assert not np.array_equal(she[:20000], he[:20000])


def test_one_word_time_for_each_word(engine):
    """Numbers, abbreviations and joined words still give one time a word, in order."""
    text = "The cost of the 1,234.56 units of 3.5 is e.g. $5 at 10:30."
    speech = engine.speak(text, engine.pick("default", "en-us"), 1.0)
    assert [word.text for word in speech.words] == text.split()
    starts = [word.start_s for word in speech.words]
    assert starts == sorted(starts)
    assert speech.exact is False, "espeak says 'of the' as one word: the time of 'the' is an estimate"


def test_markup_is_not_obeyed(engine):
    """Neither SSML nor phonemes in brackets are commands: a pause of nine seconds is not made."""
    assert length(engine, 'one <break time="9s"/> two', "en-us", 1.0) < 4.0
    said = engine.speak("[[h@l'oU]] you", engine.pick("default", "en-us"), 1.0)
    assert len(said.samples) / said.rate > 1.2, "the letters are read, not the phonemes"


def test_opening_says_what_is_there(models):
    """An engine that is not in the table is UNSUPPORTED, and the message names those that are."""
    assert ENGINES.choose(models, VoiceRequest()).engine.record().name == list(ENGINES)[-1] == "espeak"
    assert ENGINES.choose(models, VoiceRequest(), "espeak").engine.record().tier == "embedded"
    with pytest.raises(JobFailed, match=r"'kokorro' is not on this worker; it has: .*kokoro, espeak") as failed:
        ENGINES.choose(models, VoiceRequest(), "kokorro")
    assert failed.value.code == "UNSUPPORTED"


def test_a_deep_installation_still_speaks(monkeypatch, tmp_path):
    """The library cuts its data path at 160 bytes; a longer one is reached through a short link."""
    real = espeak_library.find_files()
    deep = tmp_path / ("d" * 80) / ("e" * 80) / "espeak-ng-data"
    deep.parent.mkdir(parents=True)
    deep.symlink_to(real.data)
    files = espeak_library.Files(library=real.library, data=espeak_library._short(deep))
    monkeypatch.setattr(espeak_library, "find_files", lambda: files)
    with espeak_library.opened() as library:
        assert library.speak("hello", "gmw/en-US", 175).pcm.size > 5000


def test_missing_data_is_unsupported(monkeypatch, tmp_path):
    """A broken installation is a JobFailed with the path, never a crash of the process."""
    real = espeak_library.find_files()
    files = espeak_library.Files(library=real.library, data=tmp_path)
    monkeypatch.setattr(espeak_library, "find_files", lambda: files)
    with pytest.raises(JobFailed, match="cannot read its data") as failed, espeak_library.opened():
        pass
    assert failed.value.code == "UNSUPPORTED"
