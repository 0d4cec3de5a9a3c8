"""The C library eSpeak NG, behind the five calls that we need. Nothing above this file knows ctypes.

The library keeps its state in globals and cannot be reset: its pitch flutter goes on from one utterance to the next.
So it is opened afresh for each utterance, which takes about a millisecond, and the same text always sounds the same.
Where the system does not really unload a library (musl), speech is right but differs in the last bits.
"""

from __future__ import annotations

import ctypes as c
import html
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocol.errors import JobFailed
from usertext import installing

LONGEST_DATA_PATH = 150
"""`N_PATH_HOME` in its sources is 160 bytes, and a longer path is cut without a word."""

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_SSML = 0x10
_PLACES_ARE_CHARACTERS = 1
_RATE = 1
_IPA, _TIE = 0x02, 0x80
_LIST_ENDS, _WORD = 0, 1
_STRESS, _STRESS_ENDS = '<emphasis level="strong">', "</emphasis>"
_one_at_a_time = threading.Lock()


class _EventId(c.Union):
    _fields_ = (("number", c.c_int), ("name", c.c_char_p), ("string", c.c_char * 8))


class _Event(c.Structure):
    _fields_ = (
        ("type", c.c_int),
        ("unique_identifier", c.c_uint),
        ("text_position", c.c_int),  # characters, from 1
        ("length", c.c_int),
        ("audio_position", c.c_int),
        ("sample", c.c_int),
        ("user_data", c.c_void_p),
        ("id", _EventId),
    )


class _Voice(c.Structure):
    _fields_ = (
        ("name", c.c_char_p),
        ("languages", c.POINTER(c.c_ubyte)),  # (priority byte, tag, NUL) … NUL
        ("identifier", c.c_char_p),
        ("gender", c.c_ubyte),
        ("age", c.c_ubyte),
        ("variant", c.c_ubyte),
        ("reserved", c.c_ubyte),
        ("score", c.c_int),
        ("spare", c.c_void_p),
    )


_Heard = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.POINTER(_Event))


@dataclass(frozen=True, kw_only=True)
class EspeakUtterance:
    """16-bit mono samples, and (place in the text from 0, sample) for each word in the order heard."""

    pcm: NDArray[np.int16]
    marks: tuple[tuple[int, int], ...]


@dataclass
class _Ear:
    """What the synthesis callback collects."""

    pcm: bytearray = field(default_factory=bytearray)
    marks: list[tuple[int, int]] = field(default_factory=list)

    def hear(self, samples: c._Pointer[c.c_short], count: int, events: c._Pointer[_Event]) -> int:
        """Take one block of sound and its events; 0 asks for more."""
        if count > 0:
            self.pcm += c.string_at(samples, count * 2)
        at = 0
        while events[at].type != _LIST_ENDS:
            if events[at].type == _WORD:
                self.marks.append((events[at].text_position - 1, events[at].sample))
            at += 1
        return 0


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where the library and its data lie."""

    library: Path
    data: Path

    def variants(self) -> tuple[str, ...]:
        """Return the names that may follow a `+`: variants of the speaker."""
        return tuple(sorted(entry.name for entry in (self.data / "voices" / "!v").iterdir()))


class Library:
    """The library, open, with nothing said yet."""

    def __init__(self, dll: c.CDLL, rate: int) -> None:
        self._dll = dll
        self.rate = rate

    def version(self) -> str:
        """Return the version of the library, as in "1.52.0"."""
        self._dll.espeak_Info.restype = c.c_char_p
        return str(self._dll.espeak_Info(None).decode()).split()[0]

    def languages(self) -> dict[str, str]:
        """Return {language tag in lower case: key of its best voice}."""
        self._dll.espeak_ListVoices.restype = c.POINTER(c.POINTER(_Voice))
        listed = self._dll.espeak_ListVoices(None)
        best: dict[str, tuple[int, str]] = {}
        at = 0
        while listed[at]:
            voice = listed[at].contents
            for priority, tag in _tags(voice.languages):
                if priority < best.get(tag, (256, ""))[0]:
                    best[tag] = (priority, voice.identifier.decode())
            at += 1
        return {tag: key for tag, (_, key) in best.items()}

    def speak(
        self, text: str, voice_key: str, words_per_minute: int, stressed: frozenset[int] = frozenset()
    ) -> EspeakUtterance:
        """Speak plain text: nothing in it is read as SSML or phonemes. Raises `JobFailed` ENGINE.

        `stressed` are places of words that are said with emphasis, by the library's own SSML.
        """
        source, places = marked_up(text, stressed)
        ear = _Ear()
        heard = _Heard(ear.hear)
        self._dll.espeak_SetSynthCallback(heard)
        _check(self._dll.espeak_SetVoiceByName(voice_key.encode()), f"has no voice {voice_key!r}")
        _check(self._dll.espeak_SetParameter(_RATE, words_per_minute, 0), "refused the rate")
        raw = source.encode() + b"\0"
        flags = _UTF8 | (_SSML if stressed else 0)
        synth = self._dll.espeak_Synth
        synth.argtypes = (
            c.c_char_p,
            c.c_size_t,
            c.c_uint,
            c.c_int,
            c.c_uint,
            c.c_uint,
            c.c_void_p,
            c.c_void_p,
        )
        _check(synth(raw, len(raw), 0, _PLACES_ARE_CHARACTERS, 0, flags, None, None), "could not speak the text")
        marks = tuple((places[min(max(at, 0), len(places) - 1)], sample) for at, sample in ear.marks)
        return EspeakUtterance(pcm=np.frombuffer(bytes(ear.pcm), dtype=np.int16), marks=marks)

    def phonemes(self, text: str, voice_key: str) -> str:
        """Return how a text sounds, in IPA, the sounds of one letter tied by `^`. Raises `JobFailed` ENGINE."""
        _check(self._dll.espeak_SetVoiceByName(voice_key.encode()), f"has no voice {voice_key!r}")
        next_clause = self._dll.espeak_TextToPhonemes
        next_clause.restype = c.c_char_p
        next_clause.argtypes = (c.POINTER(c.c_void_p), c.c_int, c.c_int)
        raw = c.create_string_buffer(text.encode())
        rest = c.c_void_p(c.addressof(raw))
        clauses = []
        while rest.value:
            clauses.append(next_clause(c.byref(rest), _UTF8, _IPA | _TIE | ord("^") << 8).decode())
        return " ".join(clauses)


def marked_up(text: str, stressed: frozenset[int]) -> tuple[str, list[int]]:
    """Return what the library is given, and for each of its characters (and the end) the place in `text`."""
    if not stressed:
        return text, list(range(len(text) + 1))
    source: list[str] = []
    places: list[int] = []

    def put(part: str, at: int) -> None:
        source.append(part)
        places.extend([at] * len(part))

    for word, found in enumerate(re.finditer(r"\S+", text)):
        put(" " if word else "", found.start())
        put(_STRESS if word in stressed else "", found.start())
        for at in range(found.start(), found.end()):
            put(html.escape(text[at]), at)
        put(_STRESS_ENDS if word in stressed else "", found.end() - 1)
    return "".join(source), [*places, len(text)]


def _tags(raw: c._Pointer[c.c_ubyte]) -> Iterator[tuple[int, str]]:
    at = 0
    while raw[at]:
        priority, end = raw[at], at + 1
        while raw[end]:
            end += 1
        yield priority, bytes(raw[at + 1 : end]).decode().lower()
        at = end + 1


def _check(status: int, problem: str) -> None:
    if status != 0:
        raise JobFailed(f"espeak {problem} (status {status})", code="ENGINE")


@cache
def find_files() -> Files:
    """Return where the wheel put the library. Raises `JobFailed` UNSUPPORTED when it is not installed."""
    try:
        import espeakng_loader
    except ImportError as missing:
        raise JobFailed(
            f"espeak is not installed here: {installing.install('espeakng-loader')}", code="UNSUPPORTED"
        ) from missing
    return Files(library=Path(espeakng_loader.get_library_path()), data=_short(Path(espeakng_loader.get_data_path())))


def _short(data: Path) -> Path:
    """Return a path to the same folder that the library can hold."""
    if len(os.fsencode(data)) <= LONGEST_DATA_PATH:
        return data
    link = Path(_folder_for_link().name) / "espeak-ng-data"
    try:
        link.symlink_to(data, target_is_directory=True)
    except OSError as refused:
        raise JobFailed(f"espeak cannot use so long a path: {data}; install it nearer", code="UNSUPPORTED") from refused
    return link


@cache
def _folder_for_link() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="gpudrop-")  # removed when the process ends


@contextmanager
def opened() -> Iterator[Library]:
    """Open the library with nothing said yet; one at a time in a process. Raises `JobFailed` UNSUPPORTED."""
    files = find_files()
    with _one_at_a_time:
        try:
            dll = c.CDLL(str(files.library))
        except OSError as refused:
            raise JobFailed(f"espeak cannot be loaded: {refused}", code="UNSUPPORTED") from refused
        try:
            rate = dll.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(files.data), _DONT_EXIT)
            if rate <= 0:
                raise JobFailed(f"espeak cannot read its data in {files.data}", code="UNSUPPORTED")
            yield Library(dll, rate)
        finally:
            dll.espeak_Terminate()
            _unload(dll)


def _unload(dll: c.CDLL) -> None:
    """Let the system forget the library, globals and all; ctypes has no public way."""
    import _ctypes

    if sys.platform == "win32":
        _ctypes.FreeLibrary(dll._handle)
    else:
        _ctypes.dlclose(dll._handle)
