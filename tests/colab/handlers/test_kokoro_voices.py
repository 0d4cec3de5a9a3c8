"""The table of Kokoro's voices: complete, each with its language, and clear about what it does not have."""

from __future__ import annotations

import pytest

from colab.handlers.tts import kokoro_voices
from colab.handlers.tts.kokoro_voices import LANGUAGE_OF, VOICES, names, pick
from protocol.errors import JobFailed

COUNTS = {"en-us": 20, "en-gb": 8, "es": 3, "fr-fr": 1, "hi": 4, "it": 2, "ja": 5, "pt-br": 3, "cmn": 8}
LETTERS = dict(zip("abefhijpz", ["en-us", "en-gb", "es", "fr-fr", "hi", "it", "ja", "pt-br", "cmn"], strict=True))


def test_all_54_voices_are_known():
    """Version 1.0 has 54 voices in nine languages, and none is listed twice."""
    assert {language: len(voices) for language, voices in VOICES.items()} == COUNTS
    assert len(names()) == len(set(names())) == 54
    assert names() == tuple(sorted(names()))


def test_every_voice_has_the_language_of_its_letter():
    """The first letter of a name says the language, the second the gender; the table agrees."""
    assert {name: LETTERS[name[0]] for name in names()} == LANGUAGE_OF
    assert {name[1] for name in names()} == {"f", "m"}


@pytest.mark.parametrize(
    ("voice", "language", "name", "spoken"),
    [
        ("default", "en-us", "af_heart", "en-us"),
        ("kokoro", "en", "af_heart", "en-us"),
        ("Default", "en_GB", "bf_emma", "en-gb"),
        ("am_michael", "en-us", "am_michael", "en-us"),
        (" AF_Bella ", "en-US", "af_bella", "en-us"),
        ("bm_george", "en-us", "bm_george", "en-gb"),
        ("ff_siwis", "fr-CA", "ff_siwis", "fr-fr"),
        ("default", "es-419", "ef_dora", "es"),
        ("default", "pt", "pf_dora", "pt-br"),
        ("default", "zh-CN", "zf_xiaoxiao", "cmn"),
        ("jm_kumo", "ja-JP", "jm_kumo", "ja"),
    ],
)
def test_voices_are_picked(voice, language, name, spoken):
    """A voice of the language is used as asked, in its own accent; the default is one of the language."""
    picked = pick(voice, language)
    assert (picked.name, picked.key, picked.language, picked.substituted) == (name, name, spoken, False)


@pytest.mark.parametrize("language", ["de", "xx", "en-au", "pt-pt", "zh-hk", "fr-", "../../etc", "es-zzz"])
def test_an_unknown_language_lists_what_exists(language):
    """A language that Kokoro does not speak is BAD_REQUEST with those that it speaks, and with the hint."""
    with pytest.raises(JobFailed, match=r"it speaks: cmn, en-gb, en-us, .* pt-br\. The engine espeak") as failed:
        pick("default", language)
    assert failed.value.code == "BAD_REQUEST"


def test_an_unknown_voice_lists_those_of_the_language():
    """A name that is not in the table is BAD_REQUEST; only voices that can speak this text are listed."""
    with pytest.raises(JobFailed, match=r"no voice 'alloy'; for it it has: default, if_sara, im_nicola$") as failed:
        pick("alloy", "it")
    assert failed.value.code == "BAD_REQUEST"
    with pytest.raises(JobFailed, match=r"for en-gb it has: default, af_heart, .*bm_lewis"):
        pick("bf_hearth", "en-gb")


def test_a_voice_of_another_language_is_refused():
    """A French voice does not read English: the message tells both ways out."""
    with pytest.raises(JobFailed, match=r"fr-fr, .* is in en-us: set the language to fr-fr, .*af_heart") as failed:
        pick("ff_siwis", "en-us")
    assert failed.value.code == "BAD_REQUEST"


def test_every_default_is_the_first_of_its_language():
    """Each language has a default, and asking for it by name gives the same voice."""
    for language, voices in VOICES.items():
        assert pick("default", language) == pick(voices[0], language)
        assert kokoro_voices.find(language) == language
