"""Runs many schedules, on any number of cores, and counts the results."""

from __future__ import annotations

import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from simulator.rules import without
from simulator.scenario import Terms
from simulator.schedule import Ran, ScheduleResources, quiet, run

BATCH = 25
KEPT_FAILURES = 20
KINDS = ("lost", "double_accepted", "unverified", "mixed", "stuck", "crashed")


@dataclass
class Tally:
    """The results of a number of schedules. Times in virtual seconds."""

    schedules: int = 0
    red: int = 0  # schedules with a violation
    violations: Counter[str] = field(default_factory=Counter)
    jobs: int = 0
    accepted: int = 0
    ended: Counter[str] = field(default_factory=Counter)  # jobs that ended without a result, by error
    executions: int = 0
    operations: int = 0
    finish_s: list[float] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False

    def add(self, ran: Ran) -> None:
        """Count a schedule."""
        outcome = ran.outcome
        self.schedules += 1
        self.red += bool(ran.violations)
        self.violations.update(violation.kind for violation in ran.violations)
        self.jobs += len(outcome.texts)
        self.accepted += len({handed.job for handed in outcome.handed_over})
        self.ended.update(how.partition(":")[0] for how in outcome.ended.values())
        self.executions += outcome.executions
        self.operations += outcome.operations
        self.finish_s += [handed.at for handed in outcome.handed_over]
        if ran.violations and len(self.failures) < KEPT_FAILURES:
            self.failures.append(_failure(ran))

    def merge(self, other: Tally) -> None:
        """Add another count."""
        self.schedules += other.schedules
        self.red += other.red
        self.violations += other.violations
        self.jobs += other.jobs
        self.accepted += other.accepted
        self.ended += other.ended
        self.executions += other.executions
        self.operations += other.operations
        self.finish_s += other.finish_s
        self.failures = (self.failures + other.failures)[:KEPT_FAILURES]

    def told(self, seconds: float) -> dict[str, Any]:
        """Return the count as plain data; `seconds` is the real time it took."""
        times = sorted(self.finish_s)
        return {
            "schedules": self.schedules,
            "red": self.red,
            **{kind: self.violations[kind] for kind in KINDS},
            "jobs": self.jobs,
            "accepted": self.accepted,
            "ended_without_result": dict(sorted(self.ended.items())),
            "executions_per_job": round(self.executions / self.jobs, 3) if self.jobs else 0.0,
            "operations_per_job": round(self.operations / self.jobs, 1) if self.jobs else 0.0,
            "p50_s": round(statistics.median(times), 1) if times else None,
            "p99_s": round(times[int(len(times) * 0.99)], 1) if times else None,
            "schedules_per_s": round(self.schedules / seconds, 1),
            "failures": self.failures,
        }


def _failure(ran: Ran) -> dict[str, Any]:
    return {
        "seed": ran.seed,
        "what": [f"{violation.kind}: {violation.what}" for violation in ran.violations],
        "trace": ran.outcome.trace[-20:],
        "trace_digest": ran.outcome.digest(),
    }


def count_each(seeds: range, terms: Terms, rule: str | None = None) -> Iterator[Ran]:
    """Run these seeds here, one after the other."""
    with quiet(), closing(ScheduleResources()) as stage, without(rule):
        for seed in seeds:
            yield run(stage, seed, terms)


def count(seeds: range, terms: Terms, rule: str | None = None) -> Tally:
    """Run these seeds here and count."""
    tally = Tally()
    for ran in count_each(seeds, terms, rule):
        tally.add(ran)
    return tally


def simulate(
    seeds: range,
    terms: Terms,
    rule: str | None = None,
    *,
    processes: int = 1,
    on_progress: Callable[[Tally], None] = lambda tally: None,
) -> tuple[Tally, float]:
    """Run many seeds; return the count and the seconds it took. After an interrupt, return the count so far."""
    tally, started = Tally(), time.monotonic()
    try:
        for part in _parts(seeds, terms, rule, processes):
            tally.merge(part)
            on_progress(tally)
    except KeyboardInterrupt:
        tally.interrupted = True
    return tally, time.monotonic() - started


def _parts(seeds: range, terms: Terms, rule: str | None, processes: int) -> Iterator[Tally]:
    batches = [seeds[start : start + BATCH] for start in range(0, len(seeds), BATCH)]
    if processes == 1:
        yield from (count(batch, terms, rule) for batch in batches)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(count, batches, itertools.repeat(terms), itertools.repeat(rule))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
