"""An archive of one run for a bug report: what happened and with what, without who and where. Media only if asked."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from dispatcher.config import Settings
from dispatcher.formatting import utc_time
from dispatcher.runs.record import Artifact, Run
from dispatcher.runs.store import RunStore
from protocol.errors import GpudropError, UsageError
from protocol.observation import read_drop_id
from protocol.transports import open_drop, read_address
from usertext.redaction import Redactor

LOG_BYTES = 4 << 20
"""So much of the end of each log goes in."""

MESSAGE_BYTES = 1 << 20


def bundle(
    settings: Settings, store: RunStore, run: Run, out: Path, whole: Mapping[str, Any], *, files: bool, facts: Any
) -> list[str]:
    """Write the archive and return the names in it. `whole` is the run as JSON, `facts` what doctor says.

    Every text goes through a `Redactor`: secrets, e-mail addresses, the home folder and this machine's own, the names
    of its user and of itself. With `files` the inputs and outputs are added as they are. An archive that is there
    stays: UsageError.
    """
    redactor = redactor_of(settings, run)
    names: list[str] = []
    with _new_zip(out) as archive:

        def add(name: str, text: str) -> None:
            archive.writestr(redactor.text(name), redactor.text(text))
            names.append(redactor.text(name))

        def add_json(name: str, value: Any) -> None:
            add(name, json.dumps(redactor.value(value), ensure_ascii=False, indent=1, default=str) + "\n")

        add("README.txt", _ABOUT.format(run=run.id, files="included" if files else "not included"))
        add_json("run.json", whole)
        add_json("request.json", json.loads(run.request))
        add("history.txt", _history(store, run))
        add_json("versions.json", versions())
        add_json("doctor.json", facts)
        for name, text in _drop_told(run):
            _add_message(name, text, add, add_json)
        for file in store.trace.files(run.id):
            if file.role == "log" and Path(file.path).is_file():
                add(f"logs/{Path(file.path).name}", _end_of(Path(file.path)))
            elif files and file.role != "log" and Path(file.path).is_file():
                archive.write(file.path, _place(file))
                names.append(_place(file))
    return names


_ABOUT = """\
What became of run {run}, for a bug report. Made by `gpudrop runs bundle`.
Secrets, e-mail addresses, home folders and the names of the user and the machine were taken out. Look through it all
the same before you give it to somebody. The run's own files are {files}.
"""


def redactor_of(settings: Settings, run: Run) -> Redactor:
    """Return what takes this machine and its user out of texts."""
    machine, owner = settings.machine, run.machine
    names = [(settings.user, "<user>"), (run.user, "<user>"), (settings.home.name, "<user>")]
    for node in {machine, owner, machine.split(".")[0], owner.split(".")[0], machine[:11], owner[:11]}:
        names.append((node.strip("-."), "<machine>"))
    places = [
        (str(settings.data_dir), "<data>"),
        (str(settings.config_dir), "<config>"),
        (str(settings.home), "~"),
        (str(settings.home.resolve()), "~"),
        (str(Path.home()), "~"),
    ]
    return Redactor(places=places, names=[(name, put) for name, put in names if len(name) > 1])


@contextlib.contextmanager
def _new_zip(out: Path) -> Iterator[zipfile.ZipFile]:
    """Make an archive that only this user can read; one that fails half-way is not there."""
    try:
        made = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{out} is there already: name another file with -o, or remove it") from error
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror}): name another file with -o") from error
    try:
        with os.fdopen(made, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            yield archive
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def versions() -> dict[str, Any]:
    """Return what this machine runs."""
    packages = {it.metadata["Name"]: it.version for it in distributions() if it.metadata["Name"]}
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return {"python": platform.python_version(), "system": system, "packages": dict(sorted(packages.items()))}


def _history(store: RunStore, run: Run) -> str:
    return "".join(f"{utc_time(it.at)} {it.status}: {it.text}\n" for it in store.trace.changes(run.id))


def _drop_told(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the listing of the job's folder and its small messages, as far as the drop answers."""
    try:
        with contextlib.closing(open_drop(read_address(run.drop))) as drop:
            if read_drop_id(drop, run.drop) != run.drop_id:
                yield "drop/listing.txt", "another drop is there now\n"
                return
            entries = sorted(drop.list(run.job), key=lambda it: it.name)
            yield "drop/listing.txt", "".join(f"{it.size:>12} {it.name}\n" for it in entries)
            for it in entries:
                if it.name.endswith((".json", ".marker")) and not it.name.startswith("in-") and it.size < MESSAGE_BYTES:
                    data = drop.get(f"{run.job}/{it.name}", limit=MESSAGE_BYTES)
                    yield f"drop/{it.name}", data.decode("utf-8", "replace")
    except GpudropError as error:
        yield "drop/unreachable.txt", f"{error}\n"


def _add_message(name: str, text: str, add: Callable[[str, str], None], add_json: Callable[[str, Any], None]) -> None:
    """Add a message of the drop: by its values, if it can be read, for what hides in them is found there."""
    try:
        value = json.loads(text) if name.endswith((".json", ".marker")) else None
    except ValueError:
        value = None
    add(name, text) if value is None else add_json(name, value)


def _end_of(path: Path) -> str:
    """Return the end of a log, from the beginning of a line."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        data = file.read(LOG_BYTES)
    text = data.decode("utf-8", "replace")
    return text if size <= LOG_BYTES else f"… the last {LOG_BYTES} bytes of {size}\n{text.partition(chr(10))[2]}"


def _place(file: Artifact) -> str:
    return f"files/{file.role}/{file.name}"
