"""Written text to spoken words."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from speech.lexicon import Lexicon
from speech.text import MAX_PIECE, clean, pieces, written_words

MARKUP = set("<>[]{}|_*`^~\x00\x01\x1b")


def spoken(text: str, language: str = "en-us", **lexicon: str) -> str:
    return " ".join(piece.text for piece in pieces(text, language, Lexicon(lexicon)))


def test_joiners_stay_where_they_are_letters():
    """Persian keeps its zero-width non-joiner; a single one is removed."""
    assert clean("می\u200cخواهم \u200c") == "می\u200cخواهم "


def test_written_words_are_as_written():
    """Captions get the words with their punctuation and emoji, in NFC."""
    assert written_words("Dr. A — 3.5 👋 cafe\u0301!") == ("Dr.", "A", "—", "3.5", "👋", "café!")


ENGLISH = [
    # numbers
    ("0 5 13 21 100 105 999", "zero five thirteen twenty-one one hundred one hundred five nine hundred ninety-nine"),
    (
        "1,234 1234567 -5 .5 3.14",
        "one thousand two hundred thirty-four one million two hundred thirty-four thousand five "
        "hundred sixty-seven minus five zero point five three point one four",
    ),
    (
        "007 1e-5 12345678901234567890",
        "zero zero seven one times ten to the minus five one two three four five six seven "
        "eight nine zero one two three four five six seven eight nine zero",
    ),
    ("1st 2nd 3rd 21st 40th", "first second third twenty-first fortieth"),
    (
        "3/4 50/50 5-10 3-day #5 ~20 <5",
        "three quarters fifty fifty five to ten three-day number five about twenty less than five",
    ),
    ("2x faster, 10K users, 4K, 3D", "two times faster, ten thousand users, four K, three D"),
    # years, dates, times
    ("in 2024 and since 1905.", "in twenty twenty-four and since nineteen oh five."),
    ("2024 rows", "two thousand twenty-four rows"),
    ("May 3, 2025 or 4 May 2025", "May third, twenty twenty-five or the fourth of May twenty twenty-five"),
    (
        "2025-03-04 and 2025-03-04T14:05Z",
        "March fourth, twenty twenty-five and March fourth, twenty twenty-five, fourteen oh five U.T.C",
    ),
    ("2025-13-41 99/99/2025", "2025-13-41 99/99/2025"),
    ("the 1990s, the 90s, for 90s", "the nineteen nineties, the nineties, for ninety seconds"),
    ("2019–2021", "twenty nineteen to twenty twenty-one"),
    ("9:00 9:30am 14:05 0:00 9:00 a.m.", "nine o'clock nine thirty A.M fourteen oh five midnight nine a.m."),
    ("16:9 16:10 1920x1080 1080p", "sixteen to nine sixteen to ten nineteen twenty by ten eighty ten eighty P"),
    # money, percent, units
    (
        "$3.50 €20, £1.99 $0.05 20€",
        "three dollars and fifty cents twenty euros, one pound and ninety-nine pence five cents twenty euros",
    ),
    ("$5 million, $1.5bn", "five million dollars, one point five billion dollars"),
    ("5% 99.9 % 5-10%", "five percent ninety-nine point nine percent five to ten percent"),
    (
        "1 GB 16GB 100 ms 5 km/h 20°C 1 ft 6 ft",
        "one gigabyte sixteen gigabytes one hundred milliseconds five kilometers "
        "per hour twenty degrees Celsius one foot six feet",
    ),
    ("GB and ms alone", "GB and ms alone"),
    # versions, hashes, addresses, files
    (
        "v1.2.3 version v2 3.11.2 v2.0-rc1",
        "version one point two point three version two three point eleven point two "
        "version two point zero release candidate one",
    ),
    ("192.168.0.1", "one ninety-two dot one sixty-eight dot zero dot one"),
    ("a1b2c3d e3b0c44298fc1c149afb 0x1F", "A one B two C three D E three B zero C four four and so on hex one F"),
    (
        "https://example.org/a?b=1 docs.python.org/3/",
        "example dot org slash a question mark b equals one docs dot python dot org slash three",
    ),
    ("me@example.org localhost:8080", "me at example dot org localhost colon eighty eighty"),
    (
        "main.py ./run.sh /usr/bin ~/x C:\\temp",
        "main dot P.Y dot slash run dot S.H slash usr slash bin tilde slash x C colon backslash temp",
    ),
    # code
    ("snake_case getUserName foo() foo(1, a[0]", "snake case get User Name foo foo one, a zero"),
    (
        "--no-cache -v --out=x $HOME %s @app",
        "dash dash no cache dash v dash dash out equals x dollar HOME percent s at app",
    ),
    ("np.array __init__ std::vector List<String>", "np dot array dunder init std double colon vector List String"),
    ("Ctrl+Shift+P, ⌘K Alt+F4 Ctrl-C", "control shift P, command K alt F four control C"),
    ("C++ C#, JSON IDEs and/or I/O", "C plus plus C sharp, jason I.D.E's and or I.O"),
    ("a -> b, x == y && z", "a arrow b, x equals y and z"),
    ("2 * 3, x > 5, File > Save", "two times three, x greater than five, File, Save"),
    # what stays
    ("don’t well-known e.g. U.S. (yes) NASA iPhone", "don't well-known for example U.S. (yes) NASA iPhone"),
]


@pytest.mark.parametrize(("text", "said"), ENGLISH, ids=[text for text, _ in ENGLISH])
def test_english_is_said_in_words(text, said):
    """Numbers, measures, computer terms and code are spoken as a person reads them aloud."""
    assert spoken(text) == said


def test_other_languages_keep_their_numbers():
    """Engines read the numbers of their languages; only abbreviations are spelled out."""
    assert spoken("z.B. 3,5 GB am 3. Mai", "de") == "zum Beispiel 3,5 GB am 3. Mai"


def test_each_piece_belongs_to_its_word():
    """All spoken words belong to the written word that they come from; a written word may have none."""
    made = pieces("Pay $3.50 — 🎉 now", "en-us")
    assert [(piece.text, piece.word) for piece in made] == [
        ("Pay", 0),
        ("three", 1),
        ("dollars", 1),
        ("and", 1),
        ("fifty", 1),
        ("cents,", 1),
        ("now", 4),
    ]


def test_the_lexicon_comes_first():
    """A respelling is processed by the rules like any other text, and belongs to the written words."""
    made = pieces("Open nginx-1.2, v2", "en-us", Lexicon({"nginx": "engine x", "v2": "the second"}))
    assert [(piece.text, piece.word) for piece in made] == [
        ("Open", 0),
        ("engine", 1),
        ("x-1.2,", 1),
        ("the", 2),
        ("second", 2),
    ]


@given(st.text(max_size=300), st.sampled_from(["en-us", "de", "ja", "ar"]))
@example("2025-02-30T25:61 1:99 v1.2.3-rc €,. $5 thousand 0/0 F F+1 ++ -- 00s K", "en-us")
@example("٣ ³ Ⅷ ½ x² 1²", "en-us")
def test_any_text_is_said_safely(text, language):
    """Any text: no error, every piece belongs to a word, the order stays, no markup reaches an engine."""
    words = written_words(text)
    made = pieces(text, language, Lexicon({"a": "b c", "x y": "z"}))
    assert [piece.word for piece in made] == sorted(piece.word for piece in made)
    assert all(0 <= piece.word < len(words) for piece in made)
    assert all(piece.text == "".join(piece.text.split()) and 0 < len(piece.text) <= MAX_PIECE for piece in made)
    assert not any(MARKUP & set(piece.text) for piece in made)


@given(
    st.lists(
        st.one_of(
            st.from_regex(r"[-+$€#~<v]?[0-9]{1,5}([.,:/x-][0-9]{1,4}){0,3}([a-zA-Z%°]{1,3})?", fullmatch=True),
            st.from_regex(r"[a-zA-Z_.(){}\[\]/\\:@#=+*&|<>-]{1,12}", fullmatch=True),
            st.sampled_from(["May", "in", "the", "million", "GB", "%", "version", "-", "*", ">"]),
        ),
        max_size=8,
    )
)
def test_any_code_and_any_number_is_said(words):
    """No number or code causes an error in a rule, and nothing with letters or digits is lost."""
    text = " ".join(words)
    made = pieces(text, "en-us")
    heard = {piece.word for piece in made}
    assert heard >= {place for place, word in enumerate(text.split()) if any(mark.isalnum() for mark in word)}
    assert not any(MARKUP & set(piece.text) for piece in made)
