"""The scenario of a seed: how many machines, what happens to them, which weather. Drawn before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from simulator.bench import Health
from simulator.machine import Skew

DAY_S = 86_400.0
CAST = ("alto", "alto", "bass")
"""The voice of a worker is drawn evenly from these: most workers can complete each other's results."""


@dataclass(frozen=True, kw_only=True)
class Blow:
    """Something that happens to a process at its n-th operation on the channel."""

    at: int
    stops_s: float = 0.0  # it is frozen for this long; 0: it is killed
    back_s: float = 0.0  # it is restarted this long after being killed
    machine: bool = False  # the machine is lost with what it had not uploaded


@dataclass(frozen=True, kw_only=True)
class Person:
    """One machine of the schedule: when it starts, how wrong its clocks are, what happens to it."""

    name: str
    starts_s: float
    skew: Skew
    blows: tuple[Blow, ...]
    voice: str = ""
    health: Health = field(default_factory=Health)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One schedule. `shared` says that two dispatchers wait for the same jobs with one database."""

    seed: int
    weather: str
    heals_s: float
    jobs: int
    steps: int
    workers: tuple[Person, ...]
    dispatchers: tuple[Person, ...]
    shared: bool
    mode: str
    unmarked: bool = False  # a sync tool carries the folder and has left no marker in it


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The options of the command line, the same for every seed."""

    weather: str = "harsh"
    workers: int = 2
    jobs: int = 2


def draw(seed: int, terms: Terms) -> Scenario:
    """Return the schedule of a seed."""
    chance = Random(f"scenario {seed}")  # noqa: S311 - a simulation must be repeatable
    rough = {"calm": 0.0, "drive": 0.3, "harsh": 1.0, "sync": 0.3}[terms.weather]
    second = chance.random()
    return Scenario(
        seed=seed,
        weather=terms.weather,
        heals_s=chance.uniform(300, 1500),
        jobs=terms.jobs,
        steps=chance.choice((1, 2, 3)),
        workers=tuple(_worker(f"w{n}", chance, rough) for n in range(1, terms.workers + 1)),
        dispatchers=tuple(_person(f"d{n}", chance, rough) for n in range(1, 3 if second < 0.4 else 2)),
        shared=second < 0.2,
        mode="prefer" if chance.random() < 0.15 else "settle",
        unmarked=terms.weather == "sync" and seed % 2 == 1,
    )


def _worker(name: str, chance: Random, rough: float) -> Person:
    person = _person(name, chance, rough)
    broken = chance.random() < 0.05 * rough
    return Person(
        name=name,
        starts_s=person.starts_s,
        skew=person.skew,
        blows=person.blows,
        voice=chance.choice(CAST),
        health=Health(fails=0.05 * rough, broken=broken and name != "w1"),
    )


def _person(name: str, chance: Random, rough: float) -> Person:
    blows: list[Blow] = []
    at = 0
    while chance.random() < 0.35 * rough:
        at += chance.randint(1, 60)
        blows.append(_blow(at, chance))
    skew = Skew(wall_s=chance.choice((0.0, -DAY_S, DAY_S, 37.0)), monotonic_s=chance.uniform(0, 1e6))
    return Person(name=name, starts_s=chance.uniform(0, 30), skew=skew, blows=tuple(blows))


def _blow(at: int, chance: Random) -> Blow:
    if chance.random() < 0.3:
        return Blow(at=at, stops_s=chance.choice((20.0, 300.0, 600.0, 1800.0)))
    return Blow(at=at, back_s=chance.choice((1.0, 30.0, 400.0)), machine=chance.random() < 0.3)
