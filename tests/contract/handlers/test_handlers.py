"""What every handler does, whatever its kind: the same promises, seen from the desk it works at."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from colab.config import WorkerSettings
from colab.fake_workbench import FakeWorkbench
from colab.handlers import HANDLERS
from colab.serving import make_worker
from colab.work import StopWork
from colab.worker import Worker
from dispatcher.jobs.accept import check_media
from dispatcher.jobs.client import Handle
from dispatcher.jobs.job import Job
from media import ffmpeg
from protocol.errors import JobFailed
from protocol.kinds import KINDS
from protocol.kinds.kind import SOURCE
from protocol.messages import ErrorCode
from protocol.observation import JobReader, Observation
from tests.contract.handlers.case import HandlerCase, desk
from tests.contract.handlers.cases import CASES
from tests.support import odd_media
from tests.support.disks import small_disk
from tests.support.drops import client, make_drop
from tests.support.programs import noted

CODES = frozenset(ErrorCode.__args__)  # type: ignore[attr-defined]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
resuming = pytest.mark.parametrize(
    "case", [each for each in CASES if KINDS[each.kind].checkpoints], ids=lambda case: case.kind
)


def expected(each: FakeWorkbench) -> dict[str, str]:
    return KINDS[each.kind].outputs(each.params)


@every_case
def test_a_job_gives_exactly_the_outputs_of_its_kind(case: HandlerCase, tmp_path: Path) -> None:
    """Every output is published once, and passes the checks of the side that accepts it."""
    work = desk(case, tmp_path)
    work.run()
    assert sorted(work.published) == sorted(expected(work))
    check_media(work.folder / "out", expected(work), KINDS[case.kind])


@every_case
def test_progress_rises_to_its_total(case: HandlerCase, tmp_path: Path) -> None:
    """Units done never fall, never pass the total, and end at it."""
    work = desk(case, tmp_path)
    work.run()
    done = [each[0] for each in work.progressed]
    assert done == sorted(done)
    assert all(0 <= each <= total for each, total, _ in work.progressed)
    assert work.progressed[-1][0] == work.progressed[-1][1] > 0


@every_case
@pytest.mark.parametrize("after", [0, 2])
def test_a_job_ends_between_units_when_it_is_asked_to(case: HandlerCase, after: int, tmp_path: Path) -> None:
    """The request to stop passes through the handler, which does no more work after it."""
    work = desk(case, tmp_path, stop_after=after)
    with pytest.raises(StopWork):
        work.run()
    assert len(work.progressed) == after + 1


@every_case
def test_the_same_job_gives_the_same_outputs(case: HandlerCase, tmp_path: Path) -> None:
    """Two workers with one engine give equal bytes."""
    first, second = desk(case, tmp_path / "first"), desk(case, tmp_path / "second")
    first.run()
    second.run()
    assert first.outputs() == second.outputs()


@every_case
def test_a_result_names_the_engine_that_made_it(case: HandlerCase, tmp_path: Path) -> None:
    """The record is one of the worker's card, was told before the first output, and says what it ran on."""
    work = desk(case, tmp_path)
    record = work.run().engine
    names = {each.name for each in HANDLERS[case.kind]().engines(work.models)}
    assert record.name in names
    assert work.began is not None
    assert work.began.is_equal(record)
    assert record.version
    assert record.provider
    assert record.device
    assert record.tier == "embedded"


@every_case
def test_an_engine_that_is_not_there_is_no_other_one(case: HandlerCase, tmp_path: Path) -> None:
    """A job that insists on an engine is done by it or not at all."""
    work = desk(case, tmp_path, engine="nobody")
    with pytest.raises(JobFailed, match="nobody") as failed:
        work.run()
    assert failed.value.code == "UNSUPPORTED"
    assert not work.published


def odd_ones() -> Iterator[object]:
    for case in CASES:
        for what, makers in odd_media.GOOD.items():
            for name, maker in makers.items():
                if case.source is not None and "text" not in KINDS[case.kind].takes:
                    yield pytest.param(case, what, name, maker, id=f"{case.kind}-{name}")


@pytest.mark.parametrize(("case", "what", "name", "maker"), list(odd_ones()))
def test_odd_media_are_done_or_refused_in_words(
    case: HandlerCase, what: str, name: str, maker: odd_media.Maker, tmp_path: Path
) -> None:
    """What the kind takes is done, or refused where the case says that this is right; the rest is refused."""
    kind = KINDS[case.kind]
    source = maker(tmp_path)
    raw = {**case.params, **case.for_other.get(what, {})}
    if kind.fit is not None and what in kind.takes:
        from media.confined import examine

        raw = dict(kind.fit(raw, what, examine(source).container))  # type: ignore[arg-type]
    work = FakeWorkbench(kind=case.kind, raw=raw, folder=tmp_path / "work", sources={SOURCE: source})
    right = case.accepts.get(name) if what in kind.takes else "INPUT_CORRUPT"
    if right is None:
        work.run()
        check_media(work.folder / "out", expected(work), kind)
        return
    with pytest.raises(JobFailed) as failed:
        work.run()
    assert failed.value.code == right
    assert len(str(failed.value)) > 20


@every_case
@pytest.mark.parametrize("name", odd_media.BAD)
def test_what_nobody_can_use_is_refused(case: HandlerCase, name: str, tmp_path: Path) -> None:
    """Broken and hostile files end the job in bounded time with INPUT_CORRUPT, and nothing is published."""
    if case.source is None or "text" in KINDS[case.kind].takes:
        pytest.skip("takes no media")
    work = FakeWorkbench(
        kind=case.kind, raw=case.params, folder=tmp_path / "work", sources={SOURCE: odd_media.BAD[name](tmp_path)}
    )
    with pytest.raises(JobFailed) as failed:
        work.run()
    assert failed.value.code == "INPUT_CORRUPT"
    assert not work.published


def long_desk(case: HandlerCase, folder: Path, **more: object) -> FakeWorkbench:
    folder.mkdir(parents=True, exist_ok=True)
    make = case.long_source or case.source
    assert make is not None
    raw = case.long_params or case.params
    return desk(case, folder, raw=raw, sources={SOURCE: make(folder)}, handler=case.long_handler, **more)


def whole_run(case: HandlerCase, folder: Path) -> FakeWorkbench:
    """Return the long job, done without a disturbance in small units."""
    whole = long_desk(case, folder / "whole")
    whole.run()
    return whole


@resuming
def test_a_job_goes_on_from_what_an_earlier_attempt_left(case: HandlerCase, tmp_path: Path) -> None:
    """Stopped after its first checkpoint, it ends with the bytes of an undisturbed run, and does less work."""
    whole = whole_run(case, tmp_path)
    assert len(whole.checkpoints) >= 2, "the case's long job leaves at least two checkpoints"
    stopped = stopped_after_a_checkpoint(case, tmp_path, len(whole.progressed))
    leftover = {path: stopped.output(path) for path in stopped.checkpoints}
    before = {path: file.read_bytes() for path, file in leftover.items()}
    resumed = long_desk(case, tmp_path / "resumed", earlier=leftover)
    resumed.run()
    assert resumed.outputs() == whole.outputs()
    assert set(resumed.checkpoints).isdisjoint(leftover)
    assert {path: file.read_bytes() for path, file in leftover.items()} == before  # it may be needed once more


def stopped_after_a_checkpoint(case: HandlerCase, folder: Path, calls: int) -> FakeWorkbench:
    for after in range(1, calls):
        stopped = long_desk(case, folder / f"stopped-{after}", stop_after=after)
        with contextlib.suppress(StopWork):
            stopped.run()
        if stopped.checkpoints:
            return stopped
    raise AssertionError("no attempt could be stopped after a checkpoint")


@resuming
def test_a_checkpoint_that_is_broken_is_made_again(case: HandlerCase, tmp_path: Path) -> None:
    """Checkpoints come from the drop, so they are not believed: what cannot be used costs work, not the result."""
    whole = whole_run(case, tmp_path)
    broken = {path: tmp_path / f"broken-{number}" for number, path in enumerate(whole.checkpoints)}
    for file in broken.values():
        file.write_bytes(b"\0no checkpoint\xff" * 9)
    resumed = long_desk(case, tmp_path / "resumed", earlier=broken)
    resumed.run()
    assert resumed.outputs() == whole.outputs()


@every_case
def test_a_disk_that_fills_up_is_said(case: HandlerCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-way through, no room is left: STORAGE and its hint are in the drop, and the worker does the next job."""
    source = case.source(tmp_path) if case.source else None
    room = 4 + 4 * -(-source.stat().st_size // 4096) if source else 4  # its input, and one page
    with small_disk(tmp_path / "small", room) as small, side_by_side(case.kind, tmp_path) as (worker, send, look):
        monkeypatch.setattr(tempfile, "tempdir", str(small))
        full = send(Job(kind=case.kind, params=case.params, inputs={SOURCE: source} if source else {}))
        assert worker.step(time.monotonic())
        (marker,) = look(full).errors.values()
        after = send(Job(kind="echo", params={"text": "hi"}))
        assert worker.step(time.monotonic())
        assert look(after).done
    assert marker.job.code == "STORAGE", marker.plain.error
    assert "TMPDIR" in marker.plain.error
    assert "cannot be stored here" not in marker.plain.error, "the handler has its input"


@contextlib.contextmanager
def side_by_side(
    kind: str, folder: Path
) -> Iterator[tuple[Worker, Callable[[Job], Handle], Callable[[Handle], Observation]]]:
    """A real worker with its bench and an owner, on a folder: the worker, how to send a job, how to look at it."""
    drop = make_drop(folder / "drop")
    worker = make_worker(
        WorkerSettings(drop=str(drop), kinds=(kind, "echo"), models_dir=folder / "models", offline=True)
    )
    with client(drop, folder / "data") as owner:
        worker.begin()
        try:
            yield (
                worker,
                owner.submit,
                lambda handle: JobReader(worker._at.drop, worker._at.drop_id, owner.store.get(handle.run).job).look(),
            )
        finally:
            worker.end()


@pytest.mark.skipif(sys.platform == "win32", reason="a program is a shell script here")
@every_case
def test_the_ffmpeg_that_the_settings_name_is_used(
    case: HandlerCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other: neither the system's nor the embedded one is even asked what it can do."""
    importlib.import_module("scenedetect")  # as it is imported it looks for one, for what is never called here
    named = noted(tmp_path / "named" / "ffmpeg", tmp_path / "asked", imageio_ffmpeg.get_ffmpeg_exe())
    other = noted(tmp_path / "path" / "ffmpeg", tmp_path / "others", None)
    monkeypatch.setenv("PATH", str(other.parent), prepend=os.pathsep)
    monkeypatch.setattr(ffmpeg, "_embedded", lambda: str(other))
    monkeypatch.setattr(ffmpeg, "_named", named)
    desk(case, tmp_path).run()
    assert not (tmp_path / "others").exists()
    assert (tmp_path / "asked").exists() == (case.source is not None and "text" not in KINDS[case.kind].takes)
