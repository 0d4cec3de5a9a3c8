"""A marker before its data, on a plain folder that a tool carries to a worker on another machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job, Result, Why
from dispatcher.runs.store import RunStore
from protocol.drop import ONE_MACHINE, REMOTE, SYNC_TOOL
from protocol.errors import JobFailed
from protocol.observation import JobReader, Observation
from protocol.transports.folder import FolderDrop
from tests.support import answers
from tests.support.carrier import Carrier
from tests.support.workers import DROP_ID, Clock, FakeBench, drop_in, whole, worker_on

ECHO = Job(kind="echo", params={"text": "hi"})
OUTPUT = whole("echo.txt")


class Pair:
    """A laptop and a GPU machine, each with a folder of its own, and a tool between them."""

    def __init__(self, root: Path, *, other: str = "another machine", share: Callable[[float], float | None]) -> None:
        self.clock = Clock()
        for name in ("near", "far"):
            (root / name).mkdir()
        drop_in(FolderDrop(root / "near"))
        self.carrier = Carrier(root / "near", root / "far", self.clock, share)
        self.carrier.carry()
        self.runs = RunStore.open(f"sqlite:///{root / 'runs.sqlite3'}")
        self.client = Client(root / "near", store=self.runs, results=root / "results", host=self.clock.host())
        self.bench = FakeBench(self.clock)
        self.worker = worker_on(FolderDrop(root / "far"), self.clock, self.bench, system=other)
        self.carrier.carry()
        self.texts: list[str] = []

    def look(self, handle: Handle) -> Observation:
        """Return what lies in the job's folder at the laptop."""
        return JobReader(FolderDrop(self.carrier.near), DROP_ID, self.runs.get(handle.run).job).look()

    def run(self, handle: Handle, for_s: float, every_s: float = 10.0) -> Result | None:
        """Let everybody act until there is a result, at most so long."""
        ends = self.clock.now + for_s
        while self.clock.now < ends:
            self.carrier.carry()
            self.worker._beater.beat_if_due(self.clock.now)
            self.worker._safe_step()
            self.carrier.carry()
            progress = handle.look(0)
            self.texts.append(f"{progress.text}. {progress.hint}")
            if handle.result is not None:
                return handle.result
            self.clock.now += every_s
        return None

    def close(self) -> None:
        """Let everything go."""
        self.worker.end()
        self.client.close()
        self.runs.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    """Make a pair of machines; what was made is let go in the end."""
    with contextlib.ExitStack() as stack:

        def make(**how: object) -> Pair:
            made = Pair(tmp_path, **how)  # type: ignore[arg-type]
            stack.callback(made.close)
            return made

        yield make


def after(seconds: float) -> Callable[[float], float | None]:
    """Return the script of a tool that shows nothing of a file until it is whole."""
    return lambda since_s: 1.0 if since_s >= seconds else None


def growing(seconds: float) -> Callable[[float], float | None]:
    """Return the script of a tool that brings a file evenly, under a name of its own."""
    return lambda since_s: min(1.0, since_s / seconds)


@pytest.mark.fault("slow-sync-tool")
@pytest.mark.parametrize("late_s", [60, 15 * 60])
@pytest.mark.parametrize("script", [after, growing])
def test_data_that_a_sync_tool_brings_late_is_waited_for(
    pair: Callable[..., Pair], script: Callable[[float], Callable[[float], float | None]], late_s: float
) -> None:
    """One attempt, one upload, accepted: whether the tool shows how far it is or not."""
    both = pair(share=script(late_s))
    handle = both.client.submit(ECHO)
    result = both.run(handle, late_s + 120)
    assert result is not None
    assert result.files["echo.txt"].read_bytes() == OUTPUT
    seen = both.look(handle)
    assert (len(seen.claims), len(seen.needs), len(seen.rejected)) == (1, 0, 0)
    assert sum(".out-" in name for name in seen.sizes) == 1
    assert len(both.bench.begun) == 1
    assert not any("No other worker" in text for text in both.texts)


@pytest.mark.fault("slow-sync-tool")
def test_data_is_waited_for_as_long_as_it_grows(pair: Callable[..., Pair]) -> None:
    """Five times the patience passes and nothing is asked for again, because the tool's own file grows."""
    both = pair(share=growing(5 * SYNC_TOOL.data_s))
    handle = both.client.submit(ECHO)
    assert both.run(handle, 6 * SYNC_TOOL.data_s, every_s=60) is not None
    assert not both.look(handle).needs
    arriving = [text for text in both.texts if text.startswith("uploading: ")]
    assert f"uploading: {len(OUTPUT) // 2} of {len(OUTPUT)} bytes seen" in " ".join(arriving)


@pytest.mark.fault("data-lost")
def test_data_that_never_comes_is_asked_for_late_and_then_given_up(pair: Callable[..., Pair]) -> None:
    """The worker is asked twice, after the time that a slow tool may take; then the reason says what happened."""
    both = pair(share=lambda since_s: None)
    handle = both.client.submit(ECHO)
    assert both.run(handle, SYNC_TOOL.need_s[0] - 60) is None
    assert not both.look(handle).needs
    assert both.run(handle, SYNC_TOOL.data_s - SYNC_TOOL.need_s[0] + 120) is None
    assert sum("need-" in name for name in both.look(handle).sizes) == len(SYNC_TOOL.need_s)
    (why,) = both.look(handle).rejected.values()
    assert why.startswith("never arrived whole: echo.txt: not there yet")
    assert "no more data for 30 min" in why


@pytest.mark.fault("late-files")
def test_data_of_a_rejected_attempt_is_taken_when_it_comes(pair: Callable[..., Pair]) -> None:
    """The work is done, and its result is whole: that it was given up before is no reason to do it again."""
    late_s = SYNC_TOOL.data_s + 600
    both = pair(share=after(late_s))
    handle = both.client.submit(ECHO)
    result = both.run(handle, late_s + 120)
    assert result is not None
    seen = both.look(handle)
    assert len(seen.rejected) == 1
    assert seen.accepted is not None
    assert seen.accepted.nonce in seen.rejected
    assert both.run(handle, 60) is not None  # another look finds the same


def test_damaged_data_is_said_to_be_damaged(pair: Callable[..., Pair]) -> None:
    """What is whole by its size and wrong will not get better: it is asked for soon, and the reason says so."""
    both = pair(share=lambda since_s: None)
    handle = both.client.submit(ECHO)
    assert both.run(handle, 60) is None
    for path in both.carrier.far.rglob("*.out-*"):
        both.carrier.near.joinpath(path.relative_to(both.carrier.far)).write_bytes(b"x" * path.stat().st_size)
    assert both.run(handle, REMOTE.need_s[0] + 30) is None
    assert len(both.look(handle).needs) == 1
    assert both.run(handle, REMOTE.data_s) is None
    (why,) = both.look(handle).rejected.values()
    assert why.startswith("arrived damaged: echo.txt: its content does not match the manifest")


def test_a_rejected_attempt_whose_data_is_bad_is_not_taken(pair: Callable[..., Pair]) -> None:
    """Arriving late proves nothing: the late data is verified like any other, and the job fails in the end."""
    both = pair(share=lambda since_s: None)
    handle = both.client.submit(Job(kind="echo", params={"text": "hi"}, attempts=1))
    assert both.run(handle, SYNC_TOOL.data_s + 120) is None
    assert len(both.look(handle).rejected) == 1
    for path in both.carrier.far.rglob("*.out-*"):
        both.carrier.near.joinpath(path.relative_to(both.carrier.far)).write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(JobFailed, match=r"the result of w never arrived whole: .*"):
        both.run(handle, 3 * SYNC_TOOL.dead_wait_s, every_s=60)


def test_a_job_is_not_given_up_while_its_data_grows(pair: Callable[..., Pair]) -> None:
    """The attempt that was allowed was rejected, then its data began to come: the job waits for it to its end."""
    begins_s, lasts_s = SYNC_TOOL.data_s + 300, 2 * SYNC_TOOL.dead_wait_s
    both = pair(share=lambda since_s: growing(lasts_s)(since_s - begins_s) if since_s >= begins_s else None)
    handle = both.client.submit(Job(kind="echo", params={"text": "hi"}, attempts=1))
    assert both.run(handle, begins_s + lasts_s + 300, every_s=60) is not None
    seen = both.look(handle)
    assert seen.accepted is not None
    assert [attempt.n for attempt in seen.done if attempt.nonce == seen.accepted.nonce] == [1]


def test_a_worker_on_this_machine_is_not_waited_for_long(pair: Callable[..., Pair]) -> None:
    """It proves by its card that it sees this very folder: what is not there then is not on its way."""
    both = pair(share=lambda since_s: 1.0)
    near = FolderDrop(both.carrier.near)
    here = worker_on(near, both.clock, FakeBench(both.clock), name="here", boot=answers.BOOT)
    handle = both.client.submit(ECHO)
    answers.deliver(near, both.runs.get(handle.run).job, answers.attempt(worker="here"), {"echo.txt": b"hi"}, stored={})
    assert handle.look(0).why is Why.RESULTS_ARRIVING
    both.clock.now += ONE_MACHINE.data_s + 1
    assert handle.look(0).why is Why.RESULTS_REJECTED
    here.end()


def test_what_each_side_says_of_how_to_claim(pair: Callable[..., Pair]) -> None:
    """Before a worker is known the folder is treated as one of this machine; once a stranger is seen it is not.

    A worker that sees an offer from another machine waits for rivals, whatever the offer says.
    """
    both = pair(share=lambda since_s: 1.0)
    assert both.client.lease_times.terms().settle_s == 0
    assert both.run(both.client.submit(ECHO), 300) is not None
    known = both.client.lease_times.terms(both.client.workers.waits())
    assert (known.settle_s, known.lease_s) == (SYNC_TOOL.settle_s, SYNC_TOOL.lease_s)
