"""One attempt at one job, from the verified inputs to the marker."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from colab.attach import Attached
from colab.bench import Task, Workbench
from colab.disk import HINT, disk_in_codes
from colab.job_form import Assignment, ResultPublisher
from colab.lease import Beater
from colab.persist import persist
from colab.publish import Delivered
from colab.salvage import Leftover, salvage
from colab.task_run import TaskRun
from protocol.errors import ChannelError, EnvironmentNotReady, JobFailed, OursError, StorageFull
from protocol.integrity import copies_of, sha256_of
from protocol.kinds.kind import CHECKPOINTS
from protocol.layout import JobNames
from protocol.messages import EngineRecord, Held, InputFile
from usertext.redaction import redact

INPUTS, KEPT = "in", "kept"
"""The subfolders with which an attempt starts: verified inputs, and reusable outputs of earlier attempts."""

INPUT_FOR_S = 60.0
"""How long reading an input is retried, although it was listed at its full size."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AttemptOutcome:
    """How an attempt ended: with an error code, or delivered; neither for a plain answer.

    `unsaid` writes the error marker that could not be written yet.
    """

    code: str | None = None
    delivered: Delivered | None = None
    unsaid: Callable[[], None] | None = None


class AttemptRun:
    """Works on an assignment, and always says how it ended."""

    def __init__(
        self,
        at: Attached,
        bench: Workbench,
        beater: Beater,
        assignment: Assignment,
        why_stop: Callable[[Held], str | None],
    ):
        self._at, self._bench, self._beater = at, bench, beater
        self._assignment, self._form = assignment, assignment.form
        self._task_run = TaskRun(at, bench, beater, assignment, why_stop)
        self._log, self._lines = self._task_run.log, self._task_run.lines
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def run(self) -> AttemptOutcome:
        """Work, publish, and say how it ended."""
        form = self._form
        self._log.add(f"attempt {self._assignment.attempt} at {form.kind} job {form.job}")
        self._beater.hold(self._task_run.progress, form.terms.lease_s)
        outcome = AttemptOutcome(code="INTERNAL")
        try:
            outcome = self._run()
        finally:
            self._beater.release()
            if outcome.delivered is None and self._folder is not None:
                self._folder.cleanup()
        return outcome

    def _run(self) -> AttemptOutcome:
        publisher = self._publisher(Path())  # for a failure before there is a folder
        try:
            with disk_in_codes("the work cannot start here"):
                folder = self._folder = _make_folder()
                publisher = self._publisher(Path(folder.name) / "out")
            self._form.check()
            with disk_in_codes("the work cannot go on here"):
                engine, summary = self._work(Path(folder.name), publisher)
                publisher.done(engine, summary, self._log.text())
                self._lines.delivered()
        except JobFailed as error:
            return self._failed(error, publisher)
        except ChannelError as error:
            # No marker could be written: the lease lapses and another attempt follows.
            log.warning("job %s: the drop failed while publishing: %s", self._form.job, error)
            return AttemptOutcome(code="STORAGE")
        return AttemptOutcome(delivered=self._delivered(folder, publisher))

    def _publisher(self, out: Path) -> ResultPublisher:
        return self._form.publisher(self._assignment.attempt, out)

    def _failed(self, error: JobFailed, publisher: ResultPublisher) -> AttemptOutcome:
        """Write the error marker. If the drop does not even take that, the worker retries it later."""
        self._lines.failed(error.code, str(error))
        self._log.add(f"{error.code}: {error}")
        try:
            publisher.failed(error.code, redact(str(error)), step=error.step, log=self._log.text())
        except ChannelError as problem:
            log.warning(
                "job %s: its failure (%s) cannot be written to the drop now; trying again later: %s",
                self._form.job,
                error.code,
                problem,
            )
            return AttemptOutcome(code=error.code, unsaid=publisher.say_why)
        return AttemptOutcome(code=error.code)

    def _delivered(self, folder: tempfile.TemporaryDirectory[str], publisher: ResultPublisher) -> Delivered | None:
        """Return what is kept of a result: its outputs, until the owner has them."""
        delivered = publisher.delivered(folder)
        if delivered is not None:
            _clear(Path(folder.name), but=("out",))
            shutil.rmtree(Path(folder.name) / "out" / CHECKPOINTS, ignore_errors=True)
        return delivered

    def _work(self, folder: Path, publisher: ResultPublisher) -> tuple[EngineRecord, dict[str, Any]]:
        form = self._form
        inputs = _fetch_inputs(self._at, form.job, form.inputs, folder / INPUTS)
        kept = salvage(self._at, form.job, form.kind, self._assignment.ended, folder / KEPT)
        task = Task(
            kind=form.kind,
            params=form.params,
            engine=form.engine,
            inputs=inputs,
            folder=str(folder),
            kept=_for_bench(kept),
        )
        try:
            return self._task_run.run(task, kept, publisher)
        except JobFailed as error:
            if not self._may_have_room(error, publisher):
                raise
        log.info("job %s: not enough memory beside other kinds' models; trying again without them", form.job)
        self._log.add("not enough memory beside the models of other kinds; trying again without them")
        self._bench.kill()
        kept = _restored(folder, kept)
        return self._task_run.run(replace(task, kept=_for_bench(kept)), kept, publisher)

    def _may_have_room(self, error: JobFailed, publisher: ResultPublisher) -> bool:
        """Say whether a job ran out of memory that models of other kinds hold, before it had an output."""
        return (
            error.code == "OUT_OF_MEMORY" and not publisher.has_outputs and bool(self._bench.loaded - {self._form.kind})
        )


def _restored(folder: Path, kept: Mapping[str, Leftover]) -> dict[str, Leftover]:
    """Restore the folder of an attempt for a second try; return what was kept and the first try left unchanged."""
    _clear(folder, but=(INPUTS, KEPT))
    (folder / "out").mkdir()
    return {path: old for path, old in kept.items() if sha256_of(old.local) == old.content}


def _for_bench(kept: Mapping[str, Leftover]) -> dict[str, dict[str, Any]]:
    return {path: leftover.told() for path, leftover in kept.items()}


def _make_folder() -> tempfile.TemporaryDirectory[str]:
    """Make the folder of an attempt. Raises EnvironmentNotReady if there can be none."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="gpudrop-", ignore_cleanup_errors=True)
    except FileNotFoundError as error:  # no folder for temporary files takes one
        raise EnvironmentNotReady(str(error)) from error
    (Path(folder.name) / "out").mkdir()
    return folder


def _clear(folder: Path, *, but: Collection[str]) -> None:
    """Empty a folder, except for these names."""
    for made in folder.iterdir():
        if made.name not in but:
            shutil.rmtree(made) if made.is_dir() and not made.is_symlink() else made.unlink()


def _fetch_inputs(at: Attached, job: str, inputs: Mapping[str, InputFile], folder: Path) -> dict[str, str]:
    """Return {name: local file} of every input, verified.

    Raises JobFailed INPUT_MISSING or INPUT_CORRUPT, or STORAGE where this machine has no room for it.
    """
    folder.mkdir()
    for name, file in inputs.items():
        try:
            persist(at.host, f"input {name}", partial(_fetch_input, at, job, file, folder / name), for_s=INPUT_FOR_S)
        except (StorageFull, OursError) as error:
            told = f"input {name} ({file.size} bytes) cannot be stored here: {error}. Or {HINT}"
            raise JobFailed(told, code="STORAGE") from error
        except ChannelError as error:
            raise JobFailed(f"{name}: {error}", code="INPUT_MISSING") from error
        if sha256_of(folder / name) != (file.size, file.sha256):
            raise JobFailed(f"input {name} does not match the digest in the request", code="INPUT_CORRUPT")
    return {name: str(folder / name) for name in inputs}


def _fetch_input(at: Attached, job: str, file: InputFile, local: Path) -> None:
    """Copy an input here; of several files of that name the one that matches. A truncated one is retried."""
    failed: ChannelError | None = None
    for copy in copies_of(at.drop, job, file.in_):
        try:
            at.drop.copy_out(JobNames(job).file(file.in_), local, limit=file.size, copy=copy)
        except StorageFull:
            raise  # another copy would not fit either
        except ChannelError as error:
            failed = error
            continue
        size, sha256 = sha256_of(local)
        if (size, sha256) == (file.size, file.sha256):
            return
        if size != file.size:
            failed = ChannelError(f"only {size} of its {file.size} bytes arrived")
    if failed is not None:
        raise failed
