"""A session that is lent for a limited time ends by itself before its machine is taken away."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from colab.attach import Attached
from colab.config import WorkerSettings, checked_settings
from colab.ending import LAST_JOB_S, Reason, SessionEnding
from colab.worker import Worker
from dispatcher.jobs.job import Job
from protocol.errors import UsageError
from protocol.observation import WorkerReader
from protocol.transports.memory import MemoryDrop
from tests.support.scene import SLOW, Scene
from tests.support.workers import DROP_ID, Clock, FakeBench

SESSION_S, MARGIN_S = 7200.0, 300.0
LONG = Job(kind="echo", params={"text": "long"})
SHORT = Job(kind="echo", params={"text": "short"})


class ClockDrop(MemoryDrop):
    """A drop whose watch sleeps on the test's clock, and knows nothing."""

    clock: Clock

    def watch(self) -> Any:
        """Return the watch."""
        return SimpleNamespace(changed=lambda: None, wait=self.clock.sleep, close=lambda: None)


def serve(scene: Scene, bench: FakeBench, **settings: Any) -> SessionEnding:
    """Serve until the worker ends by itself; return why."""
    drop = ClockDrop(scene.store, capabilities=SLOW)
    drop.clock = scene.clock
    at = Attached(drop=drop, drop_id=DROP_ID, worker="w", boot="a" * 16, host=scene.clock.host())
    told = WorkerSettings(**{"drop": "memory:", "session_s": SESSION_S, "session_margin_s": MARGIN_S, **settings})
    return Worker(at, told, bench=lambda *_: bench, beats=lambda *_: contextlib.nullcontext()).serve()


def test_an_idle_worker_ends_when_no_job_would_fit_any_more(scene: Scene) -> None:
    """It says so with its last heartbeat, so that nobody waits for it; its card told how long it would serve."""
    began = scene.clock.now
    ending = serve(scene, scene.bench())
    assert (ending.reason, ending.frees_machine) == (Reason.SESSION, True)
    assert ending.text == "the time limit of this session is near (10 minutes left)"
    assert scene.clock.now - began == pytest.approx(SESSION_S - MARGIN_S - LAST_JOB_S, abs=2 * SLOW.poll_s)
    shown = WorkerReader(scene.side(), DROP_ID, "w").look()
    assert [card.time_left_s for card in shown.cards.values()] == [SESSION_S - MARGIN_S]
    assert [beat.last for beat in shown.beats.values()] == [True]


@pytest.mark.fault("session-cap")
def test_a_job_under_way_is_handed_back_in_good_time(scene: Scene) -> None:
    """At the margin its finished outputs are published and the attempt is released; a job after it is not begun."""
    long, short = scene.client.submit(LONG), scene.client.submit(SHORT)
    made = [{"event": "publish", "path": "echo.txt"}]
    bench = scene.bench(script=lambda task: [*made, *([{"event": "wait", "seconds": 60}] * 800)])
    began = scene.clock.now
    ending = serve(scene, bench)
    assert ending.reason is Reason.SESSION
    assert scene.clock.now - began == pytest.approx(SESSION_S - MARGIN_S, abs=90)
    (failure,) = scene.look(long).errors.values()
    assert (failure.job.code, failure.plain.error) == (
        "RELEASED",
        "the time limit of this session is near (5 minutes left)",
    )
    assert [file.path for (part, *_) in scene.look(long).parts.values() for file in part.files] == ["echo.txt"]
    assert (len(bench.begun), scene.look(short).claims) == (1, {})


def test_without_a_limit_a_session_goes_on(scene: Scene) -> None:
    """Elsewhere than on Colab nothing ends a worker but what always did."""
    ending = serve(scene, scene.bench(), session_s=None, idle_exit_s=2 * SESSION_S)
    assert ending.reason is Reason.IDLE


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"session_s": 0}, "session_s must be more than 0, not 0"),
        ({"session_s": -5}, "session_s must be more than 0, not -5"),
        ({"session_margin_s": -1}, "session_margin_s must be at least 0, not -1"),
        ({"session_s": "soon"}, "session_s must be a number, not 'soon'"),
    ],
)
def test_a_wrong_limit_is_an_error_that_names_it(given: dict[str, Any], words: str) -> None:
    """One line for whoever set it, and no traceback."""
    with pytest.raises(UsageError, match=words):
        checked_settings(drop="memory:", **given)
