"""The phonemes that Kokoro gets: its own alphabet, every word's share of them, and nothing lost on the way."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from kokoro_onnx.config import DEFAULT_VOCAB

from colab.handlers.tts import phonemes_misaki
from colab.handlers.tts.kokoro_voices import VOICES
from colab.handlers.tts.phoneme_source import source_for
from colab.handlers.tts.phonemes import LIMIT, Phonemes, known, within_limit, written
from colab.handlers.tts.phonemes_espeak import EspeakPhonemes, given_to_words
from protocol.errors import JobFailed


def shares(phonemes: Phonemes, text: str) -> list[str]:
    """What each word of the text is said as."""
    return [
        "".join(mark for mark, word in zip(phonemes.text, phonemes.words, strict=True) if word == place).strip()
        for place in range(len(text.split()))
    ]


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en-us", "low boy, my church now", "lˈO bˈY, mI ʧˈɜɹʧ nˈW"),
        ("en-us", "little water button judge", "lˈɪTᵊl wˈɔTəɹ bˈʌtn ʤˈʌʤ"),
        ("en-us", "day by day", "dˈA bI dˈA"),
        ("en-gb", "the bird goes there, near home", "ðə bˈɜːd ɡQz ðˈɛː, nˌɪə hˈQm"),
        ("es", "hola muchacho", "ˈola muʧˈaʧo"),
        ("fr-fr", "bonjour le monde", "bɔ̃ʒˈuʁ lə mˈɔ̃d"),
        ("it", "ciao, pizza", "ʧˈao, pˈiʦːa"),
        ("pt-br", "olá mundo", "olˈa mˈu\u0303ŋdʊ"),
        ("hi", "नमस्ते", "nəmˈʌsteː"),
    ],
)
def test_each_language_is_written_as_the_model_was_trained(language, text, said):
    """One character a sound: ties, English length marks and eSpeak's hyphens are gone, diphthongs are capitals."""
    assert EspeakPhonemes(language)(text).text == said


@pytest.mark.parametrize("language", [tag for tag in VOICES if tag not in phonemes_misaki.ONLY_MISAKI])
def test_the_model_knows_every_phoneme(language):
    """Nothing that eSpeak says of a pangram is outside the model's vocabulary."""
    pangrams = {
        "en-us": "The quick brown fox jumps over the lazy dog's measure of pure thought, boy.",
        "en-gb": "The quick brown fox jumps over the lazy dog's measure of pure thought, boy.",
        "es": "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, añoraba a su querido cachorro.",
        "fr-fr": "Portez ce vieux whisky au juge blond qui fume ; un garçon, la vigne, huit.",
        "hi": "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले विष्णुवतार भगवान श्रीराम",
        "it": "Pranzo d'acqua fa volti sghembi, gli gnomi scelgono.",
        "pt-br": "Luís argüia à Júlia que brações, fé, chá, óxido, pôr, zângão eram palavras do português.",
    }
    assert set(EspeakPhonemes(language)(pangrams[language]).text) - set(DEFAULT_VOCAB) <= {"¿", "-"}


def test_every_word_gets_its_own_sounds():
    """Numbers are several runs and "of the" is one: each word still has what it is said as."""
    text = "The cost of the 1,234 units (at 10:30) is low."
    said = shares(EspeakPhonemes("en-us")(text), text)
    assert said[:5] == ["ðə", "kˈɔst", "ʌv", "ðə", "wˈʌn θˈWzənd tˈuhˈʌndɹɪd θˈɜɹTi fˈɔɹ"]
    assert said[6:] == ["(æt", "tˈɛn θˈɜɹTi)", "ɪz", "lˈO."]


def test_sounds_are_shared_by_what_words_take_alone():
    """Groups go to the words that they fit: one to one, many to one, one to many."""
    assert given_to_words(["ʌv", "ðə"], ["ʌvðə"]) == ([[("ʌv", 0), ("ðə", 1)]], True)
    assert given_to_words(["a", "bcd ef"], ["a", "bcd", "ef"]) == ([[("a", 0)], [("bcd", 1)], [("ef", 1)]], True)
    assert given_to_words(["ɪn", "ðə", "hˈaʊs"], ["ɪnðə", "hˈaʊs"])[0] == [[("ɪn", 0), ("ðə", 1)], [("hˈaʊs", 2)]]
    shared, sure = given_to_words(["ab", "cde"], ["abcd"])
    assert "".join(part for part, _ in shared[0]) == "abcd"
    assert sure is False, "the border is a guess when the lengths do not add up"


def test_punctuation_stays_where_it_was():
    """The model breathes and falls by marks: they stay, those inside a number do not become stops."""
    assert EspeakPhonemes("en-us")('He said (so): "no"; yes!').text == 'hi sˈɛd (sˈO): "nˈO"; jˈɛs!'
    assert "." not in EspeakPhonemes("en-us")("3.5 and 1,234 now").text


@pytest.mark.parametrize(
    ("text", "word", "times"),
    [
        ("7" * 80, "sˈɛvənti", 10),
        ("W" * 80, "dˌʌb", 20),
        (" ".join(["1234567890"] * 30), "bˈɪliən", 30),
        (" ".join(["word"] * 400), "wˈɜɹd", 400),
        ("supercalifragilistic" * 4, "fɹˌæʤ", 4),
    ],
)
def test_nothing_long_is_lost(text, word, times):
    """eSpeak itself drops what does not fit its buffers, without a word; here all of it is read."""
    assert EspeakPhonemes("en-us")(text).text.count(word) >= times


def test_the_same_text_reads_the_same():
    """What was read before changes nothing."""
    read = EspeakPhonemes("en-us")
    first = read("Read the record again.")
    read("Quelque chose d'autre 12")
    assert read("Read the record again.") == first == EspeakPhonemes("en-us")("Read the record again.")


def test_words_in_another_tongue_leave_no_note():
    """eSpeak says "(en)" and "(fr)" around a foreign word: that is no sound."""
    assert "(" not in EspeakPhonemes("fr-fr")("un email du weekend").text


def as_one_word(text: str) -> Phonemes:
    return Phonemes(text=text, words=(0,) * len(text))


def test_parts_hold_everything_within_the_limit():
    """Cut parts together are the whole, less the blanks at the cuts, and keep their words."""
    text = " ".join(f"wˈɜɹd{'.' if at % 37 == 36 else ''}" for at in range(500))
    whole = Phonemes(text=text, words=tuple(text[:at].count(" ") for at in range(len(text))))
    parts = within_limit(whole)
    assert all(0 < len(part.text) <= LIMIT for part in parts)
    assert " ".join(part.text for part in parts) == text
    assert [part.words[0] for part in parts] == sorted({part.words[0] for part in parts})
    assert all(part.text.endswith(".") for part in parts[:-1]), "a sentence's end is the best place"
    assert min(len(part.text) for part in parts) > LIMIT // 3, "no short rest, which would be spoken at another pace"


@pytest.mark.parametrize("length", [0, 1, LIMIT, LIMIT + 1, 5 * LIMIT + 3])
def test_one_endless_word_is_cut_anywhere(length):
    """Without a blank there is no good place; it is cut all the same, and nothing is lost."""
    parts = within_limit(as_one_word("a" * length))
    assert sum(len(part.text) for part in parts) == length
    assert len(parts) == -(-length // LIMIT)


def test_what_the_model_does_not_know_is_left_out():
    """Unknown marks go, and with them blanks that would be doubled."""
    assert written(known([("¿", 0), ("a", 0), (" ", 0), ("¿", 1), (" ", 1), ("b", 2)], {"a", "b", " "})).text == "a b"


@pytest.mark.parametrize(("language", "package"), [("ja", r"misaki\[ja\]"), ("cmn", r"misaki\[zh\]")])
def test_japanese_and_chinese_need_misaki(monkeypatch, language, package):
    """Without misaki's extra they are UNSUPPORTED with what to install: eSpeak's alphabet is another one."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    phonemes_misaki.opened.cache_clear()
    with pytest.raises(JobFailed, match=package) as failed:
        source_for(language)
    phonemes_misaki.opened.cache_clear()
    assert failed.value.code == "UNSUPPORTED"


def test_english_without_misaki_is_espeak(monkeypatch):
    """The fall back is named: records say whose phonemes they were."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    phonemes_misaki.opened.cache_clear()
    assert source_for("en-us").name.startswith("espeak 1.")
    phonemes_misaki.opened.cache_clear()


@pytest.fixture
def grammar(tmp_path, monkeypatch):
    """Put a tiny English model for spaCy onto the path."""
    from tests.support import tiny_grammar

    tiny_grammar.write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    phonemes_misaki.opened.cache_clear()
    yield
    sys.modules.pop(tiny_grammar.NAME, None)  # while it is loaded it counts as installed
    phonemes_misaki.opened.cache_clear()


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*is deprecated:DeprecationWarning")
def test_misaki_reads_english_where_it_is(grammar):
    """misaki's own words, each with its sounds; what it does not know is asked of eSpeak."""
    text = "The cost of the 1,234 units, gpudrop's, is low."
    read = source_for("en-us")
    assert read.name.startswith("misaki ")
    said = shares(read(text), text)
    assert all(said)
    assert said[0] == "ðə"
    assert said[-1] == "lˈO."


def test_an_old_misaki_is_not_used(monkeypatch, caplog):
    """What plain pip installs on Python 3.13 speaks otherwise: it is left out, with the hint in the log."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(phonemes_misaki, "version", lambda _: "0.7.16")
    phonemes_misaki.opened.cache_clear()
    assert source_for("en-us").name.startswith("espeak ")
    assert "misaki>=0.9.4" in caplog.text
    phonemes_misaki.opened.cache_clear()
