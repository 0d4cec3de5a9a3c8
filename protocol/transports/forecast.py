"""Seeded weather for memory drops: what synced folders do, at the rates of a climate, until it heals.

Every side of one store asks the same forecast. Chance and time come in as arguments, so a schedule can be run again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from protocol.errors import ChannelError, ChannelLost, StorageFull
from protocol.layout import parse_job_name
from protocol.transports.weather import Operation, Weather

HANG_S = 30.0
"""How long a hung call takes until its deadline ends it."""

REVIVAL_S = 3600.0
"""When a file that seemed lost turns up after all."""


@dataclass(frozen=True, kw_only=True)
class Climate:
    """How often each fault strikes: chances of an operation or of a file. Times in seconds."""

    delay_s: float = 0.0  # until the others see a new file, in the mean
    far_delayed: float = 0.0  # files that take twenty times as long
    lost: float = 0.0  # files that the others never see
    revived: float = 0.0  # files that they see an hour late
    torn: float = 0.0  # files that they see cut for a while
    cut: float = 0.0  # files that they see cut for ever
    garbled: float = 0.0  # files of which they see one character changed for ever
    fails: float = 0.0  # operations that fail before they do anything
    loses: float = 0.0  # writes that are said to have failed, and did not
    hangs: float = 0.0  # operations that hang until their deadline
    full: float = 0.0  # writes for which there is no room
    stale: float = 0.0  # looks that begin a time of old listings
    stale_s: float = 60.0
    blank: float = 0.0  # looks that show an empty or missing folder, once
    carried_s: float = 0.0  # in the mean an output takes so long on a line that carries one after the other (0: none)


CLIMATES = {
    "calm": Climate(delay_s=0.2),
    "drive": Climate(delay_s=5, far_delayed=0.02, lost=0.001, torn=0.01, fails=0.005, loses=0.002, stale=0.005),
    "harsh": Climate(
        delay_s=10,
        far_delayed=0.05,
        lost=0.01,
        revived=0.01,
        torn=0.05,
        cut=0.01,
        garbled=0.03,
        fails=0.02,
        loses=0.01,
        hangs=0.003,
        full=0.002,
        stale=0.02,
        stale_s=120,
        blank=0.01,
    ),
    "sync": Climate(delay_s=5, fails=0.001, carried_s=200),
}
"""Weather by name: hardly any, what Drive does in a bad night, far worse, and a sync tool on a slow line.

Simulated outputs are small. What a tool brings at a rate is told by its role instead of its size: small files come at
once, outputs one after the other, each under a name of the tool's until it is whole.
"""

TEMPORARIES = (".syncthing.{}.tmp", "~syncthing~{}.tmp", ".{}.Xq3bTz", ".~{}", ".{}.~1f3a", "{}.partial")
"""What sync tools call a file that they are still bringing."""


@dataclass
class _StoredFile:
    """What becomes of one file on its way to the others."""

    writer: str
    arrives: float
    whole_at: float  # cut until then
    share: float  # how much of it is seen while it is cut
    garbled: bool
    later: dict[str, float]  # observer → when this one sees it
    damaged: bytes | None = None  # what they see of a garbled file, once somebody has looked
    begins: float | None = None  # when a sync tool begins to bring it, under a name of its own
    lasts_s: float = 0.0  # how long it takes to bring it
    temporary: str = "{}"
    stopped_at: float = math.inf  # when its writer was lost


class WeatherForecast:
    """The weather of one store, from the beginning until `heals_at`; what was lost until then stays lost."""

    def __init__(
        self,
        climate: Climate,
        chance: Random,
        now: Callable[[], float],
        *,
        heals_at: float = math.inf,
        sleep: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._climate, self._chance, self._now, self._heals_at = climate, chance, now, heals_at
        self._sleep = sleep
        self._files: dict[str, _StoredFile] = {}
        self._stale: dict[str, tuple[float, float]] = {}  # observer → until when, as of when
        self._blank: dict[str, str] = {}  # observer → folder that it finds empty now
        self._line: dict[str, float] = {}  # writer → when its line has carried all that waits

    def side(self, observer: str) -> Weather:
        """Return the weather as one observer has it."""
        return Weather(
            fails=lambda operation, path: self._fails(observer, operation, path),
            loses=self._loses,
            hides=lambda path: self._hides(observer, path),
            called=lambda path: self._called(observer, path),
            shows=lambda path, data: self._shows(observer, path, data),
            keeps=lambda path, data: self._keeps(observer, path, data),
            doubles=lambda path: self._hides(observer, path) or self._strikes(self._climate.loses),
        )

    def machine_lost(self, observer: str) -> None:
        """Let what this observer wrote and had not uploaded be lost with its machine."""
        for file in self._files.values():
            if file.writer == observer and file.arrives > self._now():
                file.arrives, file.stopped_at = math.inf, self._now()

    def _strikes(self, rate: float) -> bool:
        return rate > 0 and self._now() < self._heals_at and self._chance.random() < rate

    def _fails(self, observer: str, operation: Operation, path: str) -> ChannelError | None:
        climate = self._climate
        self._blank.pop(observer, None)
        if self._strikes(climate.hangs):
            self._sleep(HANG_S)
            return ChannelLost(f"{operation} {path}: no answer within {HANG_S:.0f} s")
        if self._strikes(climate.fails):
            return ChannelError(f"{operation} {path}: input/output error")
        if operation in ("put", "copy_in") and self._strikes(climate.full):
            return StorageFull(f"no room for {path}")
        if operation == "list":
            self._look(observer, path)
        return None

    def _look(self, observer: str, folder: str) -> None:
        if self._strikes(self._climate.stale):
            self._stale[observer] = self._now() + self._climate.stale_s, self._now()
        if self._strikes(self._climate.blank):
            self._blank[observer] = folder

    def _loses(self, operation: Operation, path: str) -> ChannelError | None:
        if operation in ("put", "copy_in") and self._strikes(self._climate.loses):
            return ChannelError(f"{operation} {path}: 403, although it was done")
        return None

    def _keeps(self, writer: str, path: str, data: bytes) -> bytes:
        if path not in self._files or self._hides(writer, path):  # nobody refuses a name that is not to be seen
            self._files[path] = self._fate(writer)
            name = parse_job_name(path.rpartition("/")[2])
            if self._climate.carried_s and name is not None and name.role == "out":
                self._carry(self._files[path])
        return data

    def _carry(self, file: _StoredFile) -> None:
        """Let a sync tool bring a file, after what waits on its writer's line already."""
        file.begins = max(file.arrives, self._line.get(file.writer, 0.0))
        file.lasts_s = min(self._chance.expovariate(1 / self._climate.carried_s), 6 * self._climate.carried_s)
        file.temporary = self._chance.choice(TEMPORARIES)
        file.arrives = file.whole_at = self._line[file.writer] = file.begins + file.lasts_s

    def _fate(self, writer: str) -> _StoredFile:
        climate, now = self._climate, self._now()
        arrives = now + self._delay()
        if self._strikes(climate.lost):
            arrives = math.inf
        elif self._strikes(climate.revived):
            arrives = now + REVIVAL_S
        whole_at, share = now, 1.0
        if self._strikes(climate.cut):
            whole_at, share = math.inf, self._chance.random()
        elif self._strikes(climate.torn):
            whole_at, share = arrives + self._delay(), self._chance.random()
        return _StoredFile(writer, arrives, whole_at, share, self._strikes(climate.garbled), {})

    def arrived_s(self, writer: str) -> float:
        """Return in how many seconds all that this observer wrote will have been uploaded; inf where it never will."""
        left = [file.arrives - self._now() for file in self._files.values() if file.writer == writer]
        return max(0.0, *left) if left else 0.0

    def _delay(self) -> float:
        """Draw how long something takes to be seen: exponential, now and then far longer, short once it has healed."""
        if self._now() >= self._heals_at:
            return self._chance.random()
        mean = self._climate.delay_s
        if not mean:
            return 0.0
        return self._chance.expovariate(1 / mean) * (20 if self._chance.random() < self._climate.far_delayed else 1)

    def _hides(self, observer: str, path: str) -> bool:
        blank = self._blank.get(observer)
        if blank is not None and (path == blank or path.rpartition("/")[0] == blank):
            return True
        file = self._files.get(path)
        if file is None or file.writer == observer:
            return False
        if file.begins is not None:
            return self._as_of(observer) < file.begins or file.begins > file.stopped_at
        if (arrives := file.later.get(observer)) is None:
            arrives = file.later[observer] = file.arrives + self._delay() / 4
        return self._as_of(observer) < (arrives if file.arrives < math.inf else math.inf)

    def _is_carried(self, file: _StoredFile, observer: str) -> bool:
        return file.begins is not None and self._as_of(observer) < file.arrives

    def _called(self, observer: str, path: str) -> str:
        """Return the name of a file for an observer: the tool's until it is whole."""
        file = self._files.get(path)
        if file is None or file.writer == observer or not self._is_carried(file, observer):
            return path
        folder, slash, name = path.rpartition("/")
        return f"{folder}{slash}{file.temporary.format(name)}"

    def _as_of(self, observer: str) -> float:
        """Return the time whose drop this observer sees: now, or earlier while its listings are old."""
        until, seen_at = self._stale.get(observer, (0.0, 0.0))
        return seen_at if self._now() < until else self._now()

    def _shows(self, observer: str, path: str, data: bytes) -> bytes:
        file = self._files.get(path)
        if file is None or file.writer == observer:
            return data
        if self._is_carried(file, observer):
            assert file.begins is not None  # it would not be carried
            carried_s = min(self._as_of(observer), file.stopped_at) - file.begins
            return data[: int(len(data) * carried_s / file.lasts_s)]
        if file.garbled:
            data = file.damaged = file.damaged or _garbled(data, len(path))
        return data if self._now() >= file.whole_at else data[: int(len(data) * file.share)]


def _garbled(data: bytes, salt: int) -> bytes:
    """Change one letter or digit to its neighbour: JSON stays JSON, and only a checksum can tell."""
    places = [at for at, byte in enumerate(data) if byte in _CHANGEABLE]
    if not places:
        return data
    at = places[salt * 7919 % len(places)]
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


_CHANGEABLE = b"23456789bcdefghijklmnopqrstuvwBCDEFGHIJKLMNOPQRSTUVW"
"""Characters that are of the same kind after their last bit is flipped."""
