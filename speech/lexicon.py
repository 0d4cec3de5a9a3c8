"""How words are to be spoken that are written otherwise: the user's lexicon, and over it the tour's.

An entry is {written: respelled}: `{"nginx": "engine x", "SQL": "sequel", "Visual Studio Code": "V S code"}`. It holds
for whole words (anywhere in scripts that set none apart). In small letters it holds however the word is written; with a
capital in it, only as it stands, so that `Polish` and `polish` may sound differently. Of entries that fit at one place,
the longest counts.
Respellings are letters for every engine to read: phonemes are not taken, as each engine has an alphabet of its own.
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
"""As on the wire, which this room does not know: a test compares them with `protocol.kinds.tts`."""

_MARKUP = "<>{}[]|`*_\\^~"
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_NOT_BEFORE = r"(?<![\w@/\\#.$])"
_NOT_AFTER = r"(?![\w@/\\#+$]|[.]\w)"
_BOUNDS = (_NOT_BEFORE, _NOT_AFTER)


def load(path: Path) -> dict[str, str]:
    """Return the lexicon in a .json or .toml file; none where there is no file. Raises UsageError naming the entry."""
    try:
        raw = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the lexicon {path} cannot be read: {error}; it is a UTF-8 text file") from error
    try:
        told = tomllib.loads(raw) if path.suffix == ".toml" else json.loads(raw, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the lexicon {path} is wrong: {error}; write {{written: respelled}} pairs") from error
    if wrong := next(iter(problems(told)), None):
        raise UsageError(f"the lexicon {path}, {wrong}")
    return dict(told)


def merged(user: Mapping[str, str], spec: Mapping[str, str]) -> dict[str, str]:
    """Return both as one, in a fixed order; the spec's entry wins, also where only the case of its capitals differs."""
    own = {written.casefold() for written in spec}
    both = {written: spoken for written, spoken in user.items() if written.casefold() not in own} | dict(spec)
    if len(both) > MAX_ENTRIES:
        raise UsageError(f"the user's and the spec's lexicon have {len(both)} entries together; at most {MAX_ENTRIES}")
    return dict(sorted(both.items()))


def problems(lexicon: Any) -> list[str]:
    """Return what is wrong with a lexicon, one line for each entry, with the hint."""
    if not isinstance(lexicon, Mapping):
        return ["must be an object of {written: respelled} pairs"]
    found = [
        f"entry {_quoted(written)} {wrong}" for written, spoken in lexicon.items() if (wrong := _wrong(written, spoken))
    ]
    if len(lexicon) > MAX_ENTRIES:
        found.append(f"has {len(lexicon)} entries; at most {MAX_ENTRIES} are taken")
    return found


def _wrong(written: object, spoken: object) -> str | None:
    if not isinstance(spoken, str):
        return f"must be text, not {type(spoken).__name__}"
    for what, text, longest in (("is", str(written), MAX_WRITTEN), ("respells as", spoken, MAX_SPOKEN)):
        if not any(char.isalnum() for char in text):
            return f"{what} {_quoted(text)}, which holds no letter or digit; write a word"
        if len(text) > longest:
            return f"{what} {len(text)} characters long; shorten it to {longest}"
        if not text.replace(" ", "").isprintable():
            return f"{what} {_quoted(text)}, which holds invisible characters; take them out"
    if strange := [char for char in _MARKUP if char in spoken]:
        return f"respells with {strange[0]!r}; write plain letters (phonemes are not taken)"
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
    """A lexicon made ready: finds its entries in written words."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        ordered = sorted(entries.items(), key=lambda entry: (-len(entry[0].split()), -len(entry[0]), entry[0]))
        self._entries = [_entry(written, spoken) for written, spoken in ordered]

    def respelled(self, words: list[str]) -> list[str]:
        """Return each written word as it is to be read, blanks inside it where it is to be read as several.

        An entry of several words shares its respelling among them, so that each still has a time of its own.
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
