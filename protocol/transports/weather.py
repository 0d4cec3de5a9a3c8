"""Bad weather for the memory drop: what real channels do, scripted and repeatable. No clock and no chance in here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from protocol.errors import ChannelError

Operation = Literal["list", "get", "put", "copy_in", "copy_out", "make_folder", "delete", "barrier"]
When = Callable[[Operation, str], bool]
"""Which operations on which paths are struck; a listing is asked once for its folder and once for each entry."""


def _input_output_error(path: str) -> ChannelError:
    return ChannelError(f"{path}: Input/output error")


@dataclass(frozen=True, kw_only=True)
class Spell:
    """One thing that the channel does to the operations that `when` picks."""

    when: When
    times: int | None = None  # how often before it clears up; None: until `Weather.clear`


@dataclass(frozen=True, kw_only=True)
class Fail(Spell):
    """The operation raises `error(path)`: before it does anything, or `after` it was done (403 although created)."""

    error: Callable[[str], ChannelError] = _input_output_error
    after: bool = False


@dataclass(frozen=True, kw_only=True)
class Hide(Spell):
    """The path is there, and this side does not see it yet (asked at list, get and copy_out)."""


@dataclass(frozen=True, kw_only=True)
class Truncate(Spell):
    """Only the first `at` bytes: as seen (list, get, copy_out), or as they are kept (put, copy_in)."""

    at: int


@dataclass(frozen=True, kw_only=True)
class Duplicate(Spell):
    """What is written is there twice afterwards; a name that is taken gets a second file instead of NameTaken."""


S = TypeVar("S", bound=Spell)


@dataclass
class Weather:
    """The spells that one side of a store lives under. Safe for several threads."""

    spells: list[Spell] = field(default_factory=list)
    _struck: dict[int, int] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, spell: Spell) -> None:
        """Let another spell begin."""
        with self._lock:
            self.spells.append(spell)

    def clear(self) -> None:
        """End every spell: what was hidden can be seen."""
        with self._lock:
            self.spells.clear()
            self._struck.clear()

    def strike(self, kind: type[S], operation: Operation, path: str) -> S | None:
        """Return the first spell of this kind that strikes here, and count it."""
        with self._lock:
            for spell in self.spells:
                if isinstance(spell, kind) and self._lasts(spell) and spell.when(operation, path):
                    self._struck[id(spell)] = self._struck.get(id(spell), 0) + 1
                    return spell
        return None

    def _lasts(self, spell: Spell) -> bool:
        return spell.times is None or self._struck.get(id(spell), 0) < spell.times
