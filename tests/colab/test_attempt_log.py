"""What a worker tells of a job: enough to follow it, and little enough to be read after a night."""

from __future__ import annotations

import logging

import pytest

from colab.task_run import JobLines
from tests.support.workers import Clock


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Keep what is logged."""
    caplog.set_level(logging.INFO, "colab.task_run")
    return caplog


def test_a_job_has_a_line_at_its_start_now_and_then_and_at_its_end(told: pytest.LogCaptureFixture) -> None:
    """A hundred reports of progress within a minute are two lines, with the share that is done."""
    clock = Clock()
    lines = JobLines(clock.host(), "j", "tts", 1)
    for done in range(100):
        clock.now += 0.7
        lines.progress(done, 100, "step-3")
    lines.delivered()
    assert told.messages == [
        "job j: started, tts",
        "job j: 42 % after 30 s, step-3",
        "job j: 85 % after 60 s, step-3".replace("60 s", "1 min 0 s"),
        "job j: done in 1 min 10 s, the result is in the drop",
    ]


def test_how_a_job_ended_is_told_by_its_code(told: pytest.LogCaptureFixture) -> None:
    """What was handed back or cancelled is no error; a failure is, with its code, its reason and no secret."""
    lines = JobLines(Clock().host(), "j", "echo", 2)
    lines.failed("RELEASED", "stopped by SIGINT")
    lines.failed("CANCELLED", "cancelled")
    lines.failed("ENGINE", "it broke, token=hunter22")
    assert told.messages == [
        "job j: started, echo (attempt 2)",
        "job j: handed back, for another worker or the next session (stopped by SIGINT, after 0.0 s)",
        "job j: stopped, its result is no longer wanted (cancelled, after 0.0 s)",
        "job j: failed after 0.0 s with ENGINE: it broke, token=<removed>",
    ]
    assert [record.levelno for record in told.records] == [logging.INFO] * 3 + [logging.ERROR]
