"""`gpudrop simulate` prints what it promises and says by its exit code whether the promises were kept."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from dispatcher.cli import app

KEYS = {
    "schedules",
    "red",
    "lost",
    "double_accepted",
    "unverified",
    "mixed",
    "stuck",
    "crashed",
    "jobs",
    "accepted",
    "ended_without_result",
    "executions_per_job",
    "operations_per_job",
    "p50_s",
    "p99_s",
    "schedules_per_s",
    "failures",
}


def simulate(*arguments: str) -> tuple[int, str]:
    """Run the command in this process; return its exit code and what it printed to stdout."""
    done = CliRunner().invoke(app, ["simulate", "--processes", "1", *arguments])
    return done.exit_code, done.stdout


def test_json_has_the_documented_keys() -> None:
    """Green schedules give exit code 0 and counts for scripts."""
    code, out = simulate("--seeds", "3", "--json")
    told = json.loads(out)
    assert code == 0
    assert set(told) == KEYS
    assert (told["schedules"], told["red"], told["failures"]) == (3, 0, [])
    assert told["jobs"] == told["accepted"] + sum(told["ended_without_result"].values())


def test_a_broken_promise_is_exit_code_1_and_can_be_replayed() -> None:
    """Every failure names its seed and the command that runs it again."""
    code, out = simulate("--seeds", "3", "--first", "2", "--without", "R12", "--json")
    told = json.loads(out)
    assert code == 1
    assert told["red"] == len(told["failures"]) > 0
    failure = told["failures"][0]
    assert failure["replay"].startswith("gpudrop simulate --seeds 1 ")
    arguments = failure["replay"].split()[2:]
    code, trace = simulate(*arguments)
    assert code == 1
    assert f"seed {failure['seed']}, trace {failure['trace_digest']}" in trace
    assert "VIOLATION lost" in trace


def test_the_table_is_for_people() -> None:
    """Without --json the same counts stand in lines."""
    code, out = simulate("--seeds", "1", "--weather", "calm")
    assert code == 0
    assert "schedules" in out
    assert "double accepted" in out
