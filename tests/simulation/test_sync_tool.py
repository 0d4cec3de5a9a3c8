"""Schedules over a sync tool on a slow line: small files come at once, outputs one after the other and far later."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from protocol.drop import ONE_MACHINE, Capabilities
from simulator import world
from simulator.bench import Health
from simulator.checkers import check
from simulator.report import count
from simulator.scenario import Person, Scenario, Terms, draw
from simulator.schedule import ScheduleResources, quiet
from simulator.world import Outcome, World

SYNC = Terms(weather="sync")


def calm(person: Person) -> Person:
    return replace(person, blows=(), health=Health())


def undisturbed(seed: int) -> Scenario:
    """Return a schedule in which nothing breaks and nobody is killed: only the line is slow."""
    drawn = draw(seed, Terms(weather="sync", workers=1, jobs=2))
    people = tuple(map(calm, drawn.dispatchers[:1]))
    return replace(drawn, workers=tuple(map(calm, drawn.workers)), dispatchers=people, shared=False)


def ran(scenario: Scenario) -> Outcome:
    with quiet(), closing(ScheduleResources()) as stage, stage.scratch() as scratch:
        outcome = World(scenario, stage.store, scratch).run()
    assert check(outcome) == []
    return outcome


def test_no_promise_breaks_over_a_sync_tool() -> None:
    """With crashes, stops and broken engines, whether or not the folder bears a marker, every job ends well."""
    tally = count(range(24), SYNC)
    assert (tally.red, dict(tally.violations)) == (0, {})
    assert tally.accepted == tally.jobs


@pytest.mark.fault("slow-sync-tool")
@pytest.mark.parametrize("seed", range(8))
def test_where_only_the_line_is_slow_each_job_is_done_once(seed: int) -> None:
    """Data comes minutes after its marker, and nothing is done twice, whether or not the tool leaves a marker."""
    outcome = ran(undisturbed(seed))
    assert outcome.executions == len(outcome.texts) == len(outcome.handed_over)


def test_taken_for_one_machine_such_a_folder_costs_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limits of one machine the same schedules are done several times: that is what the proof is for."""

    def hasty(self: Capabilities, *, is_here: bool) -> object:
        return ONE_MACHINE

    monkeypatch.setattr(Capabilities, "limits_for", hasty)
    monkeypatch.setattr(world, "QUEUE_S", 600.0)
    outcomes = [ran(undisturbed(seed)) for seed in range(1, 8, 2)]  # those without a marker
    assert sum(it.executions for it in outcomes) > sum(len(it.texts) for it in outcomes)
