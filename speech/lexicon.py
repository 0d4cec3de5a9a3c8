"""How to pronounce words that are spelled differently: the user's lexicon, and the tour's, which overrides it.

An entry is {written: respelled}: `{"nginx": "engine x", "SQL": "sequel", "Visual Studio Code": "V S code"}`. It applies
to whole words (anywhere in scripts without spaces). A lower-case entry ignores case; one with a capital letter matches
exactly, so that `Polish` and `polish` may be pronounced differently. If several entries match, the longest is used.
Respellings consist of letters that every engine can read. Phonemes are not accepted, because engines use different
alphabets.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from protocol.errors import UsageError

MAX_ENTRIES, MAX_WRITTEN, MAX_SPOKEN = 500, 64, 200
"""The limits of `protocol.kinds.tts`, which this package may not import; a test compares them."""

_MARKUP = "<>{}[]|`*_\\^~"
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_NOT_BEFORE = r"(?<![\w@/\\#.$])"
_NOT_AFTER = r"(?![\w@/\\#+$]|[.]\w)"
_BOUNDS = (_NOT_BEFORE, _NOT_AFTER)


def load(path: Path) -> dict[str, str]:
    """Return the lexicon in a .json or .toml file; empty if there is no file. Raises UsageError naming the entry."""
    try:
        raw = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the lexicon {path} cannot be read: {error}; it is a UTF-8 text file") from error
    try:
        entries = tomllib.loads(raw) if path.suffix == ".toml" else json.loads(raw, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the lexicon {path} is invalid: {error}; write {{written: respelled}} pairs") from error
    if wrong := next(iter(problems(entries)), None):
        raise UsageError(f"the lexicon {path}, {wrong}")
    return dict(entries)


def merge(user: Mapping[str, str], spec: Mapping[str, str]) -> dict[str, str]:
    """Return both lexicons combined, in a fixed order; the spec's entry wins, also if only its case differs."""
    own = {written.casefold() for written in spec}
    both = {written: spoken for written, spoken in user.items() if written.casefold() not in own} | dict(spec)
    if len(both) > MAX_ENTRIES:
        raise UsageError(f"the user's and the spec's lexicon have {len(both)} entries together; at most {MAX_ENTRIES}")
    return dict(sorted(both.items()))


def problems(lexicon: Any) -> list[str]:
    """Return what is wrong with a lexicon, one line with a hint for each entry."""
    if not isinstance(lexicon, Mapping):
        return ["must be an object of {written: respelled} pairs"]
    found = [
        f"entry {_quoted(written)} {wrong}" for written, spoken in lexicon.items() if (wrong := _wrong(written, spoken))
    ]
    if len(lexicon) > MAX_ENTRIES:
        found.append(f"has {len(lexicon)} entries; at most {MAX_ENTRIES} are allowed")
    return found


def _wrong(written: object, spoken: object) -> str | None:
    if not isinstance(spoken, str):
        return f"must be text, not {type(spoken).__name__}"
    for what, text, longest in (("is", str(written), MAX_WRITTEN), ("respells as", spoken, MAX_SPOKEN)):
        if not any(char.isalnum() for char in text):
            return f"{what} {_quoted(text)}, which has no letter or digit; write a word"
        if len(text) > longest:
            return f"{what} {len(text)} characters long; shorten it to {longest}"
        if not text.replace(" ", "").isprintable():
            return f"{what} {_quoted(text)}, which contains invisible characters; remove them"
    if strange := [char for char in _MARKUP if char in spoken]:
        return f"respells with {strange[0]!r}; write plain letters (phonemes are not accepted)"
    return None


def _quoted(text: object) -> str:
    return json.dumps(str(text)[:80], ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"duplicate entry {_quoted(key)}")
        made[key] = value
    return made


@dataclass(frozen=True, kw_only=True)
class _Entry:
    folded: str
    form: re.Pattern[str]
    words: int
    spoken: str


class Lexicon:
    """A prepared lexicon, which finds its entries in written words."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        ordered = sorted(entries.items(), key=lambda entry: (-len(entry[0].split()), -len(entry[0]), entry[0]))
        self._entries = [_entry(written, spoken) for written, spoken in ordered]

    def respell(self, words: list[str]) -> list[str]:
        """Return each written word respelled, with spaces inside it if it is read as several words.

        The respelling of an entry of several words is divided among them, so that each keeps its own time.
        """
        made = list(words)
        free = [True] * len(words)
        there = " ".join(words).casefold()
        for entry in self._entries:
            if entry.folded not in there:
                continue
            for at in range(len(words) - entry.words + 1):
                if all(free[at : at + entry.words]) and self._put(entry, words, made, at):
                    free[at : at + entry.words] = [False] * entry.words
        return made

    @staticmethod
    def _put(entry: _Entry, words: list[str], made: list[str], at: int) -> bool:
        if entry.words == 1:
            made[at], count = entry.form.subn(lambda _: entry.spoken, words[at])
            return count > 0
        found = entry.form.fullmatch(" ".join(words[at : at + entry.words]))
        if found is None:
            return False
        parts = entry.spoken.split()
        cuts = [place * len(parts) // entry.words for place in range(entry.words + 1)]
        shares = [" ".join(parts[start:end]) for start, end in pairwise(cuts)]
        shares[0] = found["before"] + shares[0]
        shares[-1] += found["after"]
        made[at : at + entry.words] = shares
        return True


def _entry(written: str, spoken: str) -> _Entry:
    words = written.split()
    whole = " ".join(words)
    before, after = (
        "" if _UNSPACED.match(edge) else bound for edge, bound in zip(whole[0] + whole[-1], _BOUNDS, strict=True)
    )
    form = before + re.escape(whole) + after
    if len(words) > 1:
        form = rf"(?P<before>\W*){form}(?P<after>(?:'s|’s)?\W*)"
    loose = written == written.lower()
    return _Entry(
        folded=whole.casefold(), form=re.compile(form, re.IGNORECASE if loose else 0), words=len(words), spoken=spoken
    )
