"""Written narration turned into spoken words. Pure rules; no engine, no audio.

A narration is a sequence of written words. Each is spoken as one or several pieces, or as none (an emoji, a lone dash).
Pieces contain no white space, so that an engine's words can be matched with ours by counting. The lexicon is applied
first, then the rules of the language: English has all of them (`english`). In other languages only abbreviations are
spelled out, and numbers are left to the engine.
Nothing in a narration is a command: what an engine might interpret as markup is removed here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from speech import abbreviations, english
from speech.context import WordContext
from speech.lexicon import Lexicon
from speech.sentences import CLOSERS, OPENERS, WIDE_STOPS, ends_sentence, is_abbreviation

MAX_PIECE = 80
"""Characters per piece. Longer ones (a hash, a script without spaces) are split, because engines drop long words."""

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_DASHES = "-‐‑‒–—―−"
_WIDE_COMMAS = "、，；："
_SPEAKABLE_MARKS = "&@%#/\\§‰"
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ‛′", "'") | dict.fromkeys("‐‑", "-"))
_SILENT = str.maketrans(dict.fromkeys('“”„‟"«»‹›`´¨^~', "") | dict.fromkeys("[]{}<>|_*", " ") | {"…": "..."})
_EMOJI = re.compile(
    "[\u200d\u20e3\ufe00-\ufe0f\u231a-\u231b\u23e9-\u23ff\u2600-\u27bf\u2934-\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\ufffc\ufffd\U0001f000-\U0001faff\U000e0000-\U000e007f]"
)
NO_LEXICON = Lexicon({})


@dataclass(frozen=True, kw_only=True)
class SpokenPiece:
    """A part of a spoken word without white space. `word` is the index of the written word that it belongs to."""

    text: str
    word: int
    ends_sentence: bool = False
    ends_paragraph: bool = False


def clean(narration: str) -> str:
    """Return the narration in NFC, without control, zero-width, unassigned and private-use characters.

    A joiner between two letters stays: Persian and Indian scripts need it.
    """
    text = unicodedata.normalize("NFC", narration.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("\u2028", "\n").replace("\u2029", "\n\n").replace("\x85", "\n")
    return "".join(char for at, char in enumerate(text) if _is_kept(text, at, char))


def _is_kept(text: str, at: int, char: str) -> bool:
    if char.isspace():
        return True
    category = unicodedata.category(char)
    if char in "\u200c\u200d":
        return (_is_letter(text[at - 1 : at]) and _is_letter(text[at + 1 : at + 2])) or _joins_emoji(text, at)
    return category not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _is_letter(char: str) -> bool:
    return bool(char) and unicodedata.category(char)[0] in "LM" and char != "\ufe0f"


def _joins_emoji(text: str, at: int) -> bool:
    return bool(_EMOJI.match(text[at - 1 : at] or " ") and _EMOJI.match(text[at + 1 : at + 2] or " "))


def written_words(narration: str) -> tuple[str, ...]:
    """Return the words as written, including emoji and punctuation, as captions show them."""
    return tuple(clean(narration).split())


def pieces(narration: str, language: str, lexicon: Lexicon = NO_LEXICON) -> tuple[SpokenPiece, ...]:
    """Return everything that is spoken, in order; empty if there is nothing to speak."""
    spoken: list[SpokenPiece] = []
    count = 0
    for paragraph in _PARAGRAPH.split(clean(narration)):
        words = paragraph.split()
        of_paragraph = _paragraph_pieces(words, count, language, lexicon)
        count += len(words)
        if of_paragraph:
            last = of_paragraph[-1]
            spoken += of_paragraph[:-1]
            spoken.append(SpokenPiece(text=last.text, word=last.word, ends_sentence=True, ends_paragraph=True))
    return tuple(spoken)


def _paragraph_pieces(words: list[str], count: int, language: str, lexicon: Lexicon) -> list[SpokenPiece]:
    found: list[SpokenPiece] = []
    read = lexicon.respell([_EMOJI.sub("", word).translate(_APOSTROPHES) for word in words])
    opens = True  # whether the next piece begins a sentence
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        texts = _spoken_texts(read, at, following, language)
        if not texts and found:
            found[-1] = _with_pause(found[-1], word)
            opens = found[-1].ends_sentence
        for place, text in enumerate(texts):
            whole = place == len(texts) - 1
            ends = _ends(words, at, language, opens) if whole else text[-1] in WIDE_STOPS
            # an abbreviation was spelled out whose full stop also ends the sentence
            lost = ends and whole and text[-1].isalnum() and word.rstrip(CLOSERS).endswith(".")
            found.append(SpokenPiece(text=text + "." * lost, word=count + at, ends_sentence=ends))
            opens = ends
    return found


def _ends(words: list[str], at: int, language: str, opens: bool) -> bool:
    before, following = words[at - 1] if at else "", words[at + 1] if at + 1 < len(words) else ""
    return ends_sentence(words[at], following, language, opens=opens, before=before)


def _with_pause(piece: SpokenPiece, silent: str) -> SpokenPiece:
    """Return the piece with the pause of a silent word: its full stop, or a comma for a lone dash or ellipsis."""
    rest = _EMOJI.sub("", silent)
    if not piece.text[-1].isalnum() or not rest:
        return piece
    if rest in {".", "!", "?"}:
        return SpokenPiece(text=piece.text + rest, word=piece.word, ends_sentence=True)
    char = "," if set(rest) & set(_DASHES + "….;:,|>→»") else ""
    return SpokenPiece(text=piece.text + char, word=piece.word, ends_sentence=piece.ends_sentence)


def _spoken_texts(read: list[str], at: int, following: str, language: str) -> list[str]:
    """Return the spoken texts of one word; none if it is silent."""
    respelled = read[at].split()
    if len(respelled) > 1:
        return [text for place in range(len(respelled)) for text in _spoken_texts(respelled, place, "", language)]
    spoken = (
        english.spoken_form(WordContext(words=read, at=at, language=language))
        if language.split("-")[0] == "en"
        else None
    )
    plain = _inner_dashes((read[at] if spoken is None else spoken).translate(_SILENT))
    for stop in WIDE_STOPS + _WIDE_COMMAS:
        plain = plain.replace(stop, stop + " ")
    before = read[at - 1] if at else ""
    texts = (_expanded(plain.strip(), before, following, language) if spoken is None else plain).split()
    return [cut for text in texts if _is_speakable(text) for cut in _cut(text)]


def _inner_dashes(word: str) -> str:
    """Turn a long dash or a double hyphen between two words into a pause; a hyphen is part of the word."""
    return re.sub(r"(?<=\w)(?:[–—―]|--+)(?=[^\W\d])", ", ", word)


def _expanded(word: str, before: str, following: str, language: str) -> str:
    opening, core, closing = _unwrapped(word)
    if not is_abbreviation(core, following, language):
        return word
    spoken = abbreviations.spoken(core, language, before, following)
    return word if spoken is None else opening + spoken + closing


def _unwrapped(word: str) -> tuple[str, str, str]:
    """Split a word into opening marks, the word with its full stop, and closing marks: `("(", "e.g.", "),")`."""
    core = word.lstrip(OPENERS)
    opening = word[: len(word) - len(core)]
    word = core.rstrip(CLOSERS + ",;:!?")
    return opening, word, core[len(word) :]


def _is_speakable(text: str) -> bool:
    return any(_is_speakable_mark(char) for char in text)


def _is_speakable_mark(char: str) -> bool:
    return char in _SPEAKABLE_MARKS or unicodedata.category(char) in {"Sm", "Sc", "So"} or char.isalnum()


def _cut(text: str) -> list[str]:
    return [text[at : at + MAX_PIECE] for at in range(0, len(text), MAX_PIECE)]
