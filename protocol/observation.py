"""What a drop holds at one moment: its folders read into checked messages, whatever order the files arrived in.

Names are written once, so a valid message is never read again; an invalid one is *not there yet*
(FORMAT.md R3) and is read again next time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from protocol import codec
from protocol.drop import Drop, Entry, outputs_here, sizes_of
from protocol.errors import (
    BadMessage,
    ChannelError,
    EnvironmentNotReady,
    NameMissing,
    NotARequest,
    Untrusted,
    VersionTooNew,
)
from protocol.layout import (
    DROP_CARD,
    Attempt,
    JobName,
    JobNames,
    WorkerNames,
    parse_job_name,
    parse_worker_name,
)
from protocol.messages import (
    Accepted,
    Beat,
    Cancel,
    Claim,
    Done,
    Drain,
    DropCard,
    Failure,
    Need,
    Part,
    Reject,
    Request,
    WorkerCard,
)
from protocol.plain import PlainDone, PlainFailure, PlainRequest
from protocol.signing import OFF, Trust

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The contents of one job folder: its valid messages, and the sizes of all files."""

    request: Request | None = None
    plain_request: PlainRequest | None = None  # the request, where it is in the simple form
    too_new: str | None = None  # the request needs a newer reader; this says which
    not_a_request: str | None = None  # request.json is complete JSON of another shape; this tells its author so
    claims: Mapping[Attempt, Claim] = field(default_factory=dict)
    parts: Mapping[Attempt, tuple[Part, ...]] = field(default_factory=dict)
    done: Mapping[Attempt, Done] = field(default_factory=dict)
    errors: Mapping[Attempt, Failure] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    rejected: Mapping[str, str] = field(default_factory=dict)  # nonce → why
    accepted: Accepted | None = None
    cancelled: Cancel | None = None
    plain_done: PlainDone | None = None
    plain_error: PlainFailure | None = None
    plain_audio: bool = False  # a worker has started to answer in the simple form
    turns: frozenset[int] = frozenset()
    sizes: Mapping[str, int] = field(default_factory=dict)
    coming: Mapping[str, int] = field(default_factory=dict)  # output → bytes here so far, also in temporary files
    unchecked: Mapping[str, str] = field(default_factory=dict)  # name → why it is not valid
    ignored: int = 0  # names that are not part of the format

    @property
    def is_requested(self) -> bool:
        """Say whether there is a request, in either form."""
        return self.request is not None or self.plain_request is not None


@dataclass(frozen=True, kw_only=True)
class WorkerObservation:
    """One worker's folder: its cards and, of each boot, the newest valid heartbeat."""

    cards: Mapping[str, WorkerCard] = field(default_factory=dict)
    beats: Mapping[str, Beat] = field(default_factory=dict)
    announced: Mapping[str, float] = field(default_factory=dict)  # boot → when its card was written: for people only
    drains: frozenset[int] = frozenset()  # requests to stop after the current job, by their number
    asked_at: float | None = None  # when the newest of those was written: for people only
    told_at: float | None = None  # when it last wrote anything, by the channel's or its own clock: for people only
    too_new: str | None = None  # a card needs a newer reader; this says which


def read_drop_id(drop: Drop, address: str) -> str:
    """Return the id of the drop at `address`, which also proves that the channel works.

    A missing or unreadable `_drop.json` raises EnvironmentNotReady with the hint.
    """
    try:
        data = drop.get(DROP_CARD, limit=codec.MAX_BYTES)
        head = codec.loads(data)
        drop_id = str(head["drop"]) if isinstance(head, dict) and "drop" in head else ""
        return codec.decode(data, DropCard, drop=drop_id, id=drop_id).drop
    except NameMissing as error:
        raise EnvironmentNotReady(f"{address} is not a drop yet. Run: gpudrop init --drop {address}") from error
    except BadMessage as error:
        raise EnvironmentNotReady(
            f"{address}/{DROP_CARD} cannot be used: {error}. If a sync is under way, wait for it and try again"
        ) from error


class _Reader:
    """Reads the control files of one folder, each until it is valid, and remembers the valid ones."""

    def __init__(self, drop: Drop) -> None:
        self._drop = drop
        self._good: dict[str, Any] = {}
        self.unchecked: dict[str, str] = {}
        self.not_a_request: str | None = None

    def read(self, path: str, copies: list[Entry], decode: Callable[[bytes], T]) -> T | None:
        """Return the message at `path`, from whichever copy is valid. VersionTooNew is raised."""
        if path in self._good:
            return self._good[path]  # type: ignore[no-any-return]
        for entry in copies:
            try:
                message = decode(self._drop.get(path, limit=codec.MAX_BYTES, copy=entry.copy))
            except (BadMessage, ChannelError) as error:
                if isinstance(error, ChannelError) and error.retryable and not isinstance(error, NameMissing):
                    raise
                if isinstance(error, Untrusted) and path not in self.unchecked:
                    log.warning("%s is ignored: it %s", path, error)
                if isinstance(error, NotARequest):
                    self.not_a_request = str(error)
                self.unchecked[path] = str(error)  # also what is too long or a link: it can never be a message
                continue
            self.unchecked.pop(path, None)
            self._good[path] = message
            return message
        return None

    def forget_all_but(self, paths: Collection[str]) -> None:
        """Forget what is not there any more: heartbeats come and go."""
        for known in (self._good, self.unchecked):
            for path in known.keys() - set(paths):
                del known[path]


class JobReader:
    """Reads one job folder again and again."""

    def __init__(self, drop: Drop, drop_id: str, job: str, trust: Trust = OFF) -> None:
        self._drop, self._drop_id, self._job, self._trust = drop, drop_id, job, trust
        self._names = JobNames(job)
        self._reader = _Reader(drop)
        self._before: tuple[Sequence[Entry], Observation] | None = None  # the last listing, and what it held

    def look(self) -> Observation:
        """List the folder once and read what is new. A missing folder raises `NameMissing`."""
        entries = self._drop.list(self._job)
        if self._before is not None and entries == self._before[0] and not self._before[1].unchecked:
            return self._before[1]  # names are written once: the same listing holds the same messages
        seen = self._sort(entries)
        self._before = entries, seen
        return seen

    def _sort(self, entries: Sequence[Entry]) -> Observation:
        found: dict[JobName, list[Entry]] = {}
        ignored = 0
        for entry in entries:
            name = parse_job_name(entry.name)
            if name is None or entry.is_folder != (name.role == "plain-audio"):
                ignored += 1
            else:
                found.setdefault(name, []).append(entry)
        return self._read(found, entries, ignored)

    def _read(self, found: Mapping[JobName, list[Entry]], entries: Sequence[Entry], ignored: int) -> Observation:
        shelf: dict[str, dict[Any, Any]] = {}
        too_new = None
        for name, copies in found.items():
            try:
                message = self._message(name, copies)
            except VersionTooNew as error:
                too_new = str(error) if name.role == "request" else too_new
                continue
            if message is not None:
                key = (name.attempt, name.k) if name.role == "part" else name.attempt or name.nonce or name.k
                shelf.setdefault(name.role, {})[key] = message
        request = _one(shelf, "request")
        return Observation(
            request=request if isinstance(request, Request) else None,
            plain_request=request if isinstance(request, PlainRequest) else None,
            too_new=too_new,
            not_a_request=self._reader.not_a_request,
            claims=shelf.get("claim", {}),
            parts=_parts(shelf.get("part", {})),
            done=shelf.get("done", {}),
            errors=shelf.get("error", {}),
            needs=tuple(shelf.get("need", {}).values()),
            rejected={nonce: message.reason for nonce, message in shelf.get("reject", {}).items()},
            accepted=_one(shelf, "accepted"),
            cancelled=_one(shelf, "cancel"),
            plain_done=_one(shelf, "plain-done"),
            plain_error=_one(shelf, "plain-error"),
            plain_audio=any(name.role == "plain-audio" for name in found),
            turns=frozenset(name.k for name in found if name.role == "turn"),
            sizes=sizes_of(entries),
            coming=outputs_here(entries),
            unchecked=dict(self._reader.unchecked),
            ignored=ignored,
        )

    def _message(self, name: JobName, copies: list[Entry]) -> Any:
        decode = self._decoder(name)
        return decode and self._reader.read(self._names.file(copies[0].name), copies, decode)

    def _decoder(self, name: JobName) -> Callable[[bytes], Any] | None:
        here: dict[str, Any] = {"drop": self._drop_id, "id": self._job, "trust": self._trust}
        job: dict[str, Any] = {"drop": self._drop_id, "job": self._job, "trust": self._trust}
        who = _place(name.attempt)
        match name.role:
            case "request":
                return lambda data: codec.decode_any_request(data, **job)
            case "claim":
                return lambda data: codec.decode(data, Claim, **here, **who)
            case "part":
                return lambda data: codec.decode(data, Part, **here, **who, k=name.k)
            case "done":
                return lambda data: codec.decode_done(data, **job, **who)
            case "error":
                return lambda data: codec.decode_failure(data, **job, **who)
            case "cancel":
                return lambda data: codec.decode(data, Cancel, **here, k=name.k)
            case "need":
                return lambda data: codec.decode(data, Need, **here, nonce=name.nonce, k=name.k)
            case "reject":
                return lambda data: codec.decode(data, Reject, **here, nonce=name.nonce)
            case "accepted":
                return lambda data: codec.decode(data, Accepted, **here, k=name.k)
            case "plain-done":
                return lambda data: codec.decode_plain_done(data, trust=self._trust)
            case "plain-error":
                return lambda data: codec.decode_plain_failure(data, trust=self._trust)
        return None


def _place(attempt: Attempt | None) -> dict[str, Any]:
    return {"attempt": attempt.n, "nonce": attempt.nonce, "worker": attempt.worker} if attempt else {}


def _one(shelf: Mapping[str, Mapping[Any, Any]], role: str) -> Any:
    return next(iter(shelf.get(role, {}).values()), None)


def _parts(found: Mapping[tuple[Attempt, int], Part]) -> dict[Attempt, tuple[Part, ...]]:
    parts: dict[Attempt, tuple[Part, ...]] = {}
    for (attempt, _), part in sorted(found.items()):
        parts[attempt] = (*parts.get(attempt, ()), part)
    return parts


class WorkerReader:
    """Looks at one worker's folder again and again."""

    def __init__(self, drop: Drop, drop_id: str, worker: str, trust: Trust = OFF) -> None:
        self._drop, self._drop_id, self._worker, self._trust = drop, drop_id, worker, trust
        self._folder = WorkerNames(worker).folder
        self._reader = _Reader(drop)
        self._beats: dict[str, Beat] = {}
        self._too_new: str | None = None
        self._before: tuple[Sequence[Entry], WorkerObservation] | None = None  # the last listing, and what it held

    def look(self) -> WorkerObservation:
        """List the folder once; read new cards and the newest beat of each boot. A missing folder shows nothing."""
        try:
            entries = self._drop.list(self._folder)
        except NameMissing:
            return WorkerObservation()
        if self._before is not None and entries == self._before[0]:
            return self._before[1]
        seen = self._sort(entries)
        self._reader.forget_all_but({f"{self._folder}/{entry.name}" for entry in entries})
        self._before = None if self._reader.unchecked else (entries, seen)
        return seen

    def _sort(self, entries: Sequence[Entry]) -> WorkerObservation:
        cards: dict[str, WorkerCard] = {}
        announced: dict[str, float] = {}
        drains: dict[int, float | None] = {}
        self._too_new = None
        newest: dict[str, list[tuple[int, Entry]]] = {}
        for entry in entries:
            name = parse_worker_name(entry.name)
            if name is None or entry.is_folder:
                continue
            if name.role == "hello" and name.boot and (card := self._control(entry, WorkerCard, boot=name.boot)):
                cards[name.boot] = card
                announced |= {name.boot: entry.modified} if entry.modified is not None else {}
            elif name.role == "beat" and name.boot:
                newest.setdefault(name.boot, []).append((name.seq, entry))
            elif name.role == "drain" and self._control(entry, Drain, k=name.seq) is not None:
                drains[name.seq] = entry.modified
        for boot, beats in newest.items():
            self._read_newest(boot, beats)
        return WorkerObservation(
            cards=cards,
            beats=dict(self._beats),
            drains=frozenset(drains),
            asked_at=max((at for at in drains.values() if at is not None), default=None),
            announced=announced,
            told_at=self._told_at(entries),
            too_new=self._too_new,
        )

    def _told_at(self, entries: Iterable[Entry]) -> float | None:
        signs = [(e.modified, parse_worker_name(e.name)) for e in entries]
        own = [at for at, name in signs if at is not None and name is not None and name.role != "drain"]
        return max(own or [beat.at for beat in self._beats.values()], default=None)

    def _read_newest(self, boot: str, beats: list[tuple[int, Entry]]) -> None:
        known = self._beats[boot].seq if boot in self._beats else 0
        for seq, entry in sorted(beats, key=lambda pair: -pair[0]):
            if seq <= known:
                return
            if beat := self._control(entry, Beat, boot=boot, seq=seq):
                self._beats[boot] = beat
                return

    def _control(self, entry: Entry, kind: type[Any], **place: Any) -> Any:
        def decode(data: bytes) -> Any:
            return codec.decode(data, kind, drop=self._drop_id, id=self._worker, trust=self._trust, **place)

        try:
            return self._reader.read(f"{self._folder}/{entry.name}", [entry], decode)
        except VersionTooNew as error:
            self._too_new = str(error)
            return None
