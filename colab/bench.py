"""The workbench: a child process in which handlers run and heavy models stay loaded.

The worker beats and publishes from outside it (FORMAT.md R7), survives its crash, and can end it. Both talk strict
JSON over a pipe: what runs a stranger's job must not be able to hand the worker an object.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from colab.disk import failure, link
from colab.engines import device_failures
from colab.handlers import HANDLERS
from colab.models import ModelPlaces, Models
from colab.work import StopWork, WorkResult
from media import ffmpeg
from media.limits import limit_process
from protocol.errors import GpudropError, JobFailed, StorageFull
from protocol.integrity import MAX_RESULT_BYTES
from protocol.kinds import KINDS
from protocol.kinds.kind import CHECKPOINTS
from protocol.messages import Choices, EngineRecord
from usertext.problems import sentences

START_S = 120.0
_LEVELS = {"INFO": logging.INFO, "WARNING": logging.WARNING, "ERROR": logging.ERROR}

log = logging.getLogger(__name__)
_emitting = threading.Lock()  # a line of the log may come from another thread than the handler's events


@dataclass(frozen=True, kw_only=True)
class Task:
    """One job for the bench, in local paths."""

    kind: str
    params: Mapping[str, Any]
    engine: str | None
    inputs: Mapping[str, str]
    folder: str
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # path → the engine that made it, local file


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What can be done here: each kind's engines, best first, and what each engine can be asked for."""

    engines: dict[str, tuple[EngineRecord, ...]]
    choices: dict[str, dict[str, Choices]]


class Workbench(Protocol):
    """Where tasks are done: what the worker needs of it."""

    loaded: set[str]  # the kinds whose models it may hold in its memory

    def abilities(self) -> Abilities:
        """Return what can be done here."""
        ...

    def begin(self, task: Task) -> None:
        """Start a task; its events follow."""
        ...

    def event(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next event, or None after `timeout_s`."""
        ...

    def ask_to_stop(self) -> None:
        """Ask for an end between two units of work."""
        ...

    def kill(self) -> None:
        """End what is being done now."""
        ...

    def close(self) -> None:
        """Let go of it: the worker asks nothing of it any more."""
        ...


class Bench:
    """The worker's end of the bench. One task at a time."""

    def __init__(self, kinds: tuple[str, ...], places: ModelPlaces) -> None:
        self.kinds, self._places = kinds, places
        self.loaded: set[str] = set()
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._places), daemon=True, name="gpudrop-bench")
        self._process.start()
        theirs.close()

    def abilities(self) -> Abilities:
        """Ask what can be done here. A kind without an engine is left out."""
        self._send({"abilities": list(self.kinds)})
        event = self.event(START_S)
        if event is None or event["event"] != "abilities":
            raise JobFailed(f"the workbench does not start: {event and event.get('message')}", code="ENGINE")
        records = {kind: tuple(map(EngineRecord.model_validate, found)) for kind, found in event["engines"].items()}
        return Abilities(engines=records, choices=event["choices"])

    def begin(self, task: Task) -> None:
        """Start a task; its events follow. A bench that has died is replaced first."""
        if not self.is_alive():
            self.kill()
            self._start()
        self.loaded.add(task.kind)
        self._send({"task": vars(task)})

    def is_alive(self) -> bool:
        """Say whether the process runs."""
        return self._process.is_alive()

    def event(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next event, or None after `timeout_s`. The death of the process is an event too.

        What the bench has for the log is logged on the way.
        """
        ends = time.monotonic() + timeout_s
        while (event := self._receive(max(0.0, ends - time.monotonic()))) is not None and event["event"] == "log":
            log.log(_LEVELS[event["level"]], "%s", event["text"])
        return event

    def _receive(self, timeout_s: float) -> dict[str, Any] | None:
        try:
            if self._pipe.poll(timeout_s):
                return dict(json.loads(self._pipe.recv_bytes()))
        except (EOFError, ConnectionResetError):
            self._process.join(5)
            return _failed("ENGINE", f"the engine's process died (exit {self._process.exitcode})")
        return None

    def ask_to_stop(self) -> None:
        """Ask the handler to stop between two units."""
        self._send({"stop": True})

    def kill(self) -> None:
        """End the process now, with the programs that it runs. The next task starts a fresh one."""
        self.loaded.clear()
        _end_group(self._process.pid)
        self._process.kill()  # it may not have come to lead its group
        self._process.join(10)
        self._pipe.close()

    def close(self) -> None:
        """End the process."""
        self.kill()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._pipe.send_bytes(json.dumps(message).encode())
        except (BrokenPipeError, ConnectionResetError):
            return  # the next event() reports the death


class _BenchWork:
    """The handler's view of one task (`Work`)."""

    def __init__(self, pipe: Connection, models: Models, task: dict[str, Any], params: Any) -> None:
        self._pipe = pipe
        self._done, self._total = 0, 0
        self.models = models.telling(self._waiting)
        self.params = params
        self.engine: str | None = task["engine"]
        self.folder = Path(task["folder"])
        self._kept: Mapping[str, Any] = task["kept"]
        self.inputs: Mapping[str, Path] = {name: Path(path) for name, path in task["inputs"].items()}

    def output(self, path: str) -> Path:
        target = self.folder / "out" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def begin(self, engine: EngineRecord) -> frozenset[str]:
        made_by = {path: EngineRecord.model_validate(old["engine"]) for path, old in self._kept.items()}
        paths = [path for path, maker in made_by.items() if maker.is_equal(engine)]
        for path in paths:
            link(Path(self._kept[path]["local"]), self.output(path))
        _emit(self._pipe, {"event": "engine", "engine": _record(engine), "kept": paths})
        return frozenset(paths)

    def publish(self, path: str) -> None:
        _emit(self._pipe, {"event": "publish", "path": path})

    def checkpoint(self, path: str) -> None:
        assert path.startswith(CHECKPOINTS), path
        _emit(self._pipe, {"event": "checkpoint", "path": path})

    def progress(self, done: int, total: int, note: str = "") -> None:
        self._done, self._total = done, total
        _emit(self._pipe, {"event": "progress", "done": done, "total": total, "note": note[:200]})
        if self._pipe.poll(0) and json.loads(self._pipe.recv_bytes()).get("stop"):
            raise StopWork

    def _waiting(self, note: str) -> None:
        """Say what the work waits for, a model file; it is no further, but it may be ended."""
        self.progress(self._done, self._total, note)


class _LogToWorker(logging.Handler):
    """Hands what this side logs to the worker, which shows it."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__(logging.INFO)
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        level = next(name for name, number in reversed(_LEVELS.items()) if record.levelno >= number)
        with contextlib.suppress(OSError):  # the worker is gone, and this process ends with it
            _emit(self._pipe, {"event": "log", "level": level, "text": record.getMessage()[:2000]})


def _emit(pipe: Connection, event: dict[str, Any]) -> None:
    with _emitting:
        pipe.send_bytes(json.dumps(event).encode())


def _serve(pipe: Connection, places: ModelPlaces) -> None:
    """Be the bench: answer one message after the other until the worker goes away."""
    _lead_group()
    limit_process(file_bytes=MAX_RESULT_BYTES)  # memory is not bounded: a GPU's driver takes addresses by the terabyte
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to answer
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ours = logging.getLogger("colab")
    ours.setLevel(logging.INFO)
    ours.addHandler(_LogToWorker(pipe))
    ffmpeg.use(places.ffmpeg)
    models = Models(places)
    while True:
        try:
            message = json.loads(pipe.recv_bytes())
            if "abilities" in message:
                _emit(pipe, _answer_abilities(models, message["abilities"]))
            elif "task" in message:
                _emit(pipe, _answer_task(pipe, models, message["task"]))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _lead_group() -> None:
    """Lead a process group, so that whoever ends the bench ends the programs that its engines run (ffmpeg) too."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()


def _end_group(leader: int | None) -> None:
    """Kill the group that a bench leads, if it has come to lead one."""
    if hasattr(os, "killpg") and leader is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM of a group of the dead
            os.killpg(leader, signal.SIGKILL)


def _end_with_parent() -> None:
    """A worker that was killed must not leave its engine behind, holding the GPU, nor what that engine runs."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        _end_group(os.getpid())
        os._exit(1)


def _answer_abilities(models: Models, kinds: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"engines": {}, "choices": {}}
    for kind in kinds:
        try:
            handler = HANDLERS[kind]()
            records = [record.model_dump(mode="json") for record in handler.engines(models)]
            choices = handler.choices(models)
        except Exception as error:  # one kind's broken library must not keep the worker from the others
            log.error("this worker does no %s: %s: %s", kind, type(error).__name__, error)
            continue
        if records:
            found["engines"][kind], found["choices"][kind] = records, choices
    return {"event": "abilities", **found}


def _answer_task(pipe: Connection, models: Models, task: dict[str, Any]) -> dict[str, Any]:
    """Run the handler; every way it can end is an event."""
    try:
        work = _BenchWork(pipe, models, task, _checked_params(task))
        result: WorkResult = HANDLERS[task["kind"]]().run(work)
        return {
            "event": "done",
            "engine": _record(result.engine),
            "summary": dict(result.summary),
        }
    except StopWork:
        return {"event": "stopped"}
    except JobFailed as error:
        return _failed(error.code, str(error), error.step)
    except StorageFull as error:
        return _failed("STORAGE", str(error))
    except MemoryError:
        return _failed("OUT_OF_MEMORY", "not enough memory for this job")
    except GpudropError as error:
        return _failed("ENGINE", str(error))
    except OSError as error:
        told = failure(f"{task['kind']} failed", error)
        return _failed(told.code, str(told), trace=traceback.format_exc())
    except Exception as error:  # a handler's bug must reach the user as an error marker, not end the worker
        return _failed(_code_of(error), f"{type(error).__name__}: {error}", trace=traceback.format_exc())


def _code_of(error: Exception) -> str:
    """Return the code of what a handler did not map: a device that fails is none of its bugs, wherever it does."""
    if device_failures.out_of_memory(error):
        return "OUT_OF_MEMORY"
    return "ENGINE" if device_failures.gpu_is_lost(error) else "INTERNAL"


def _record(engine: EngineRecord) -> dict[str, Any]:
    return engine.model_dump(mode="json", exclude_none=True)


def _checked_params(task: dict[str, Any]) -> Any:
    kind = KINDS[task["kind"]]
    try:
        return kind.params.model_validate(task["params"])
    except ValidationError as error:
        raise JobFailed(sentences(error), code="BAD_REQUEST") from error


def _failed(code: str, message: str, step: str | None = None, trace: str = "") -> dict[str, Any]:
    return {
        "event": "failed",
        "code": code,
        "message": message[:4000],
        "step": step,
        "trace": trace[-8000:],
    }
