"""The simulator sees: a rule taken away, or a changed line of production code, turns schedules red.

The seeds are those that show it soonest. Where a change of the simulator moves them, this finds others:
`gpudrop simulate --seeds 200 --without RULE --json`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import protocol.codec
import protocol.integrity
from dispatcher.runs.store import RunStore
from protocol.claims import LeaseWatch
from protocol.errors import UsageError
from simulator.report import Tally, count, count_each
from simulator.rules import RULES, without
from simulator.scenario import Terms

ROOT = Path(__file__).parent.parent.parent
HARSH = Terms(weather="harsh")

SHOWS = {
    "R3": (range(28, 30), "unverified"),
    "R5": (range(29, 30), "unverified"),
    "R6": (range(43, 44), "double_accepted"),
    "R11": (range(38, 39), "mixed"),
    "R12": (range(2, 5), "lost"),
    "lease": (range(3, 4), "stuck"),
}
"""`{rule that safety rests on: (seeds that show it, what they show)}`."""


def test_every_rule_that_safety_rests_on_is_tried() -> None:
    """A new rule comes with the seeds that show what it is for."""
    assert set(SHOWS) == {name for name, removal in RULES.items() if removal.safety}


@pytest.mark.parametrize("rule", SHOWS)
def test_without_a_rule_promises_break(rule: str) -> None:
    """The seeds are green with the rule and red without it, for the reason it is there for."""
    seeds, kind = SHOWS[rule]
    whole = count(seeds, HARSH)
    assert (whole.red, whole.violations) == (0, {})
    assert count(seeds, HARSH, rule).violations[kind] > 0
    assert count(seeds, HARSH).finish_s == whole.finish_s  # the rule is back


@pytest.mark.parametrize(
    ("where", "name", "instead", "rule"),
    [
        (protocol.integrity, "_misfit", lambda *_, **__: None, "R5"),
        (LeaseWatch, "lapse", lambda *_, **__: None, "lease"),
        (RunStore, "_change_open", None, "R6"),
    ],
    ids=["the hash is not compared", "no claim lapses", "an ended run is changed"],
)
def test_a_changed_line_is_noticed(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, instead: Any, rule: str
) -> None:
    """Production code that forgets one check breaks a promise within a few schedules, whoever changed it."""
    monkeypatch.setattr(where, name, instead or _changes_any)
    assert count(SHOWS[rule][0], HARSH).red > 0


def _changes_any(store: RunStore, run_id: str, mirror: Any = None, **values: Any) -> bool:
    """Change a run whatever its status: the compare is gone, the set is left."""
    with without("R6"):
        return _CHANGE_OPEN(store, run_id, mirror, **values)


_CHANGE_OPEN = RunStore._change_open


def test_a_seed_is_a_schedule() -> None:
    """The same seed gives the same schedule again, another seed another one."""
    first, again = digests(range(3)), digests(range(3))
    assert first == again
    assert len(set(first)) == 3


def test_a_seed_is_the_same_schedule_in_every_process() -> None:
    """Nothing depends on the order of a set or on what ran before in a process."""
    told = {digests_elsewhere(seed) for seed in ("1", "2")}
    assert told == {" ".join(digests(range(2)))}


def digests(seeds: range) -> list[str]:
    """Return what the traces of some schedules come down to."""
    return [ran.outcome.digest() for ran in count_each(seeds, HARSH)]


def digests_elsewhere(hash_seed: str) -> str:
    """Return the digests of the first two schedules, as a process with another order of sets gets them."""
    program = (
        "from simulator.report import count_each\n"
        "from simulator.scenario import Terms\n"
        "print(*(ran.outcome.digest() for ran in count_each(range(2), Terms(weather='harsh'))))"
    )
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_unknown_rule_is_refused() -> None:
    """What cannot be removed is said, with what can."""
    with pytest.raises(UsageError, match=r"no rule 'R99'.*R3, "), without("R99"):
        raise AssertionError("not reached")


def test_counts_add_up() -> None:
    """Schedules counted in parts are those counted at once."""
    whole, parts = count(range(4), HARSH), Tally()
    parts.merge(count(range(2), HARSH))
    parts.merge(count(range(2, 4), HARSH))
    assert parts.told(1.0) == whole.told(1.0)
