"""Every name in a drop, and the rules for names in both directions. Reading this module is reading the protocol.

Paths are built here from checked ids and constants; names found in a listing are parsed here, and whatever does not
match a full pattern is ignored (FORMAT.md R8).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

DROP_CARD = "_drop.json"
WORKERS = "_workers"
PACKAGES = "_dist"
MODELS = "_models"
PROBES = "_probes"

LAST_ATTEMPT = 999
"""The highest number of an attempt: names have room for no higher one."""

JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,15}")
NONCE = re.compile(r"[0-9a-f]{16}")
PORTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PROBE = re.compile(r"(?P<probe>doctor-[0-9a-f]{8}-[1-9][0-9]{0,5})\.json")
_PACKAGE = re.compile(r"(?P<k>[1-9][0-9]{0,5})-(?P<digest>[0-9a-f]{16})")
_SYNC_COPY = re.compile(r"\(\d+\)|conflict", re.IGNORECASE)
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{p}{d}" for p in ("com", "lpt") for d in "123456789")})

Role = Literal["request", "input", "cancel", "need", "reject", "accepted"]
AttemptRole = Literal["claim", "part", "out", "log", "done", "error"]


def package_folder(k: int, sha256: str) -> str:
    """Return the folder of the worker's `k`-th package; its digest is in the name, so that a torn one is recognised."""
    return f"{PACKAGES}/{k}-{sha256[:16]}"


def parse_package(name: str) -> tuple[int, str] | None:
    """Return the number and the digest in the name of a folder in `_dist/`, or None for any other name."""
    found = _PACKAGE.fullmatch(name)
    return (int(found["k"]), found["digest"]) if found else None


def model_folder(sha256: str) -> str:
    """Return the folder of the model file with this digest."""
    return f"{MODELS}/{sha256[:16]}"


def model_file(sha256: str, name: str) -> str:
    """Return the path of a model file; its digest is in the path, so that another version is another file."""
    return f"{model_folder(sha256)}/{name}"


def check_portable_name(value: str) -> str:
    """Return `value` if it is a valid name on every file system, else raise ValueError saying why."""
    if not PORTABLE.fullmatch(value):
        raise ValueError("must start with a letter or digit and hold only letters, digits, '.', '_' and '-'")
    if value.endswith("."):
        raise ValueError("must not end with a dot")
    if value.split(".")[0].casefold() in _RESERVED:
        raise ValueError("is a name that Windows reserves")
    return value


def is_job_id(value: str) -> bool:
    """Say whether `value` may name a job: at most 40 portable characters."""
    return bool(JOB_ID.fullmatch(value)) and _is_portable(value)


def is_sync_copy(name: str) -> bool:
    """Say whether this is a sync tool's name for a copy: "x (1)", "x.sync-conflict-…", "x (conflicted copy)"."""
    return bool(_SYNC_COPY.search(name))


def may_be_a_job(name: str) -> bool:
    """Say whether a folder of this name in a drop may be meant as a job, although it is not a valid job name."""
    return not (is_job_id(name) or name.startswith(("_", ".", "~", "$")) or is_sync_copy(name))


def is_worker_id(value: str) -> bool:
    """Say whether `value` may name a worker: at most 16 portable characters."""
    return bool(WORKER_ID.fullmatch(value)) and _is_portable(value)


def is_nonce(value: str) -> bool:
    """Say whether `value` is a nonce, boot or drop id: 16 lowercase hex digits."""
    return bool(NONCE.fullmatch(value))


def _is_portable(value: str) -> bool:
    try:
        check_portable_name(value)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, order=True)
class Attempt:
    """One attempt at a job by one worker. The nonce makes it unique; `n` orders the attempts."""

    n: int
    nonce: str
    worker: str

    def __str__(self) -> str:
        return f"try-{self.n}-{self.nonce}-{self.worker}"


@dataclass(frozen=True)
class JobNames:
    """Every path of one job. The dispatcher writes the first group, a worker the second."""

    job: str

    @property
    def request(self) -> str:
        """The offer, which the dispatcher uploads last."""
        return f"{self.job}/request.json"

    def file(self, name: str) -> str:
        """Return the path of a file of the job, or below it, by its checked name."""
        return f"{self.job}/{name}"

    def input(self, k: int, name: str) -> str:
        """An input file."""
        return f"{self.job}/in-{k}-{name}"

    def cancel(self, k: int) -> str:
        """The dispatcher does not want a result any more."""
        return f"{self.job}/cancel-{k}.json"

    def need(self, nonce: str, k: int) -> str:
        """Outputs of that attempt have not reached the dispatcher."""
        return f"{self.job}/need-{nonce}-{k}.json"

    def reject(self, nonce: str, k: int = 1) -> str:
        """The dispatcher does not accept that attempt's result; `k` counts how often it had to say so."""
        return f"{self.job}/reject-{nonce}{f'-{k}' if k > 1 else ''}.json"

    def accepted(self, k: int) -> str:
        """The dispatcher accepted a result; the mirror of its commit."""
        return f"{self.job}/accepted-{k}.json"

    def turn(self, n: int) -> str:
        """The right to claim attempt `n`, on a drop where creating a name excludes others (FORMAT.md, Claiming)."""
        return f"{self.job}/turn-{n}"

    def claim(self, attempt: Attempt) -> str:
        """A worker announces that it takes the job."""
        return f"{self.job}/{attempt}.claim.json"

    def part(self, attempt: Attempt, k: int) -> str:
        """Which outputs are published so far."""
        return f"{self.job}/{attempt}.part-{k}.json"

    def out(self, attempt: Attempt, k: int) -> str:
        """One output, or a bundle of small ones."""
        return f"{self.job}/{attempt}.out-{k}"

    def log(self, attempt: Attempt) -> str:
        """The worker's log of the attempt."""
        return f"{self.job}/{attempt}.log.txt"

    def done(self, attempt: Attempt) -> str:
        """The result's manifest, written last."""
        return f"{self.job}/{attempt}.done.marker"

    def error(self, attempt: Attempt) -> str:
        """Why the attempt ended without a result."""
        return f"{self.job}/{attempt}.error.marker"

    @property
    def plain_done(self) -> str:
        """The simple form's result marker."""
        return f"{self.job}/done.marker"

    @property
    def plain_error(self) -> str:
        """The simple form's error marker."""
        return f"{self.job}/error.marker"

    @property
    def plain_audio(self) -> str:
        """The simple form's folder of clips."""
        return f"{self.job}/audio"


@dataclass(frozen=True)
class WorkerNames:
    """Every path of one worker."""

    worker: str

    @property
    def folder(self) -> str:
        """The worker's own folder."""
        return f"{WORKERS}/{self.worker}"

    def hello(self, boot: str) -> str:
        """The worker's card."""
        return f"{self.folder}/hello-{boot}.json"

    def beat(self, boot: str, seq: int) -> str:
        """One heartbeat."""
        return f"{self.folder}/beat-{boot}-{seq}.json"

    def drain(self, k: int) -> str:
        """A request to stop after the current job."""
        return f"{self.folder}/drain-{k}.json"


@dataclass(frozen=True, kw_only=True)
class JobName:
    """What a name in a job folder means."""

    role: Role | AttemptRole | Literal["turn", "plain-done", "plain-error", "plain-audio"]
    attempt: Attempt | None = None
    nonce: str | None = None
    k: int = 0
    input: str | None = None


@dataclass(frozen=True, kw_only=True)
class WorkerName:
    """What a name in a worker's folder means."""

    role: Literal["hello", "beat", "drain"]
    boot: str | None = None
    seq: int = 0


_K = r"(?P<k>[1-9][0-9]{0,5})"
_NONCE = r"(?P<nonce>[0-9a-f]{16})"
_TRY = r"try-(?P<n>[1-9][0-9]{0,2})-(?P<nonce>[0-9a-f]{16})-(?P<worker>[A-Za-z0-9][A-Za-z0-9._-]{0,15}?)"
_JOB_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (role, re.compile(pattern))
    for role, pattern in (
        ("request", r"request\.json"),
        ("input", rf"in-{_K}-(?P<input>{PORTABLE.pattern})"),
        ("cancel", rf"cancel-{_K}\.json"),
        ("need", rf"need-{_NONCE}-{_K}\.json"),
        ("reject", rf"reject-{_NONCE}(-{_K})?\.json"),
        ("accepted", rf"accepted-{_K}\.json"),
        ("turn", r"turn-(?P<k>[1-9][0-9]{0,2})"),
        ("claim", rf"{_TRY}\.claim\.json"),
        ("part", rf"{_TRY}\.part-{_K}\.json"),
        ("out", rf"{_TRY}\.out-{_K}"),
        ("log", rf"{_TRY}\.log\.txt"),
        ("done", rf"{_TRY}\.done\.marker"),
        ("error", rf"{_TRY}\.error\.marker"),
        ("plain-done", r"done\.marker"),
        ("plain-error", r"error\.marker"),
        ("plain-audio", r"audio"),
    )
)
_WORKER_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("hello", re.compile(r"hello-(?P<boot>[0-9a-f]{16})\.json")),
    ("beat", re.compile(r"beat-(?P<boot>[0-9a-f]{16})-(?P<seq>[1-9][0-9]{0,9})\.json")),
    ("drain", re.compile(r"drain-(?P<seq>[1-9][0-9]{0,5})\.json")),
)


def probe_file(who: str, k: int) -> str:
    """Return the path of a probe, which measures how long it takes until a worker's heartbeat mentions it."""
    return f"{PROBES}/{who}-{k}.json"


def parse_probe(name: str) -> str | None:
    """Return the probe that a name in `_probes/` means, or None for any other name."""
    found = _PROBE.fullmatch(name)
    return found["probe"] if found else None


@functools.lru_cache(maxsize=8192)  # a folder is listed again and again
def parse_job_name(name: str) -> JobName | None:
    """Return what `name` in a job folder means, or None for any other name."""
    for role, pattern in _JOB_PATTERNS:
        if found := pattern.fullmatch(name):
            return _job_name(role, found.groupdict())
    return None


def _job_name(role: str, parts: dict[str, str | None]) -> JobName | None:
    worker, n = parts.get("worker"), parts.get("n")
    if worker is not None and not is_worker_id(worker):
        return None
    attempt = Attempt(int(n), str(parts["nonce"]), worker) if n and worker else None
    return JobName(
        role=role,  # type: ignore[arg-type]  # the table above holds only these roles
        attempt=attempt,
        nonce=parts.get("nonce"),
        k=int(parts.get("k") or 0),
        input=parts.get("input"),
    )


_TEMPORARY = re.compile(
    r"\.syncthing\.(?P<a>.+)\.tmp"  # Syncthing; the next one on Windows
    r"|~syncthing~(?P<b>.+)\.tmp"
    r"|\.~(?P<c>.+)"  # OneDrive and others
    r"|\.(?P<d>.+)\.~[0-9a-f]{1,16}"  # Nextcloud, ownCloud
    r"|\.(?P<e>.+)\.[A-Za-z0-9]{6}"  # rsync
    r"|(?P<f>.+?)(\.[0-9a-z]{8})?\.(partial|part|tmp|!sync)"  # rclone, browsers, Resilio
)
"""What sync tools call a file that they are still copying."""


@functools.lru_cache(maxsize=8192)
def temporary_of(name: str) -> str | None:
    """Return the output that a sync tool's temporary file in a job folder will become, or None for any other file.

    It only shows that something is on its way: nothing is ever read from it.
    """
    found = _TEMPORARY.fullmatch(name)
    target = next((it for it in found.groupdict().values() if it is not None), None) if found else None
    meant = parse_job_name(target) if target is not None else None
    return target if meant is not None and meant.role == "out" else None


def is_input_name(value: str) -> bool:
    """Say whether `value` names an input file in a job folder."""
    found = parse_job_name(value)
    return found is not None and found.role == "input"


def parse_worker_name(name: str) -> WorkerName | None:
    """Return what `name` in a worker's folder means, or None for any other name."""
    for role, pattern in _WORKER_PATTERNS:
        if found := pattern.fullmatch(name):
            parts = found.groupdict()
            return WorkerName(role=role, boot=parts.get("boot"), seq=int(parts.get("seq") or 0))  # type: ignore[arg-type]
    return None
