"""Names: what is built parses back, and nothing else parses."""

from __future__ import annotations

import pytest

from protocol import layout
from protocol.layout import Attempt, JobNames, WorkerNames, parse_job_name, parse_worker_name, temporary_of

ATTEMPT = Attempt(12, "0123456789abcdef", "my-t4.2")
NAMES = JobNames("job-1")


@pytest.mark.parametrize(
    ("path", "role", "attempt"),
    [
        (NAMES.request, "request", None),
        (NAMES.input(1, "film.mp4"), "input", None),
        (NAMES.cancel(2), "cancel", None),
        (NAMES.need(ATTEMPT.nonce, 3), "need", None),
        (NAMES.reject(ATTEMPT.nonce), "reject", None),
        (NAMES.accepted(1), "accepted", None),
        (NAMES.turn(12), "turn", None),
        (NAMES.claim(ATTEMPT), "claim", ATTEMPT),
        (NAMES.part(ATTEMPT, 1), "part", ATTEMPT),
        (NAMES.out(ATTEMPT, 9), "out", ATTEMPT),
        (NAMES.log(ATTEMPT), "log", ATTEMPT),
        (NAMES.done(ATTEMPT), "done", ATTEMPT),
        (NAMES.error(ATTEMPT), "error", ATTEMPT),
        (NAMES.plain_done, "plain-done", None),
        (NAMES.plain_error, "plain-error", None),
    ],
)
def test_every_name_that_is_built_parses_back(path: str, role: str, attempt: Attempt | None) -> None:
    """Writer and reader agree on every name of a job."""
    folder, _, name = path.partition("/")
    parsed = parse_job_name(name)
    assert folder == "job-1"
    assert parsed is not None
    assert (parsed.role, parsed.attempt) == (role, attempt)


OUT = NAMES.out(ATTEMPT, 9).partition("/")[2]


@pytest.mark.parametrize(
    "temporary",
    [
        ".syncthing.{}.tmp",
        "~syncthing~{}.tmp",
        ".{}.Xq3bTz",
        ".~{}",
        ".{}.~1f3a9c",
        "{}.partial",
        "{}.1a2b3c4d.partial",
        "{}.part",
        "{}.tmp",
        "{}.!sync",
    ],
)
def test_the_temporary_files_of_sync_tools_are_known(temporary: str) -> None:
    """They tell that an output is on its way; of anything else, and of no tool's, nothing is concluded."""
    assert temporary_of(temporary.format(OUT)) == OUT
    assert parse_job_name(temporary.format(OUT)) is None
    for other in ("request.json", "film.mp4", f"{ATTEMPT}.done.marker", "in-1-film.mp4"):
        assert temporary_of(temporary.format(other)) is None


@pytest.mark.parametrize("name", [OUT, f".{OUT}", f"{OUT} (1)", f"x{OUT}.tmp", f"{OUT}.sync-conflict-20260101-120000"])
def test_other_names_are_no_temporary_files(name: str) -> None:
    """A second copy is a file of its own, and what is whole is not on its way."""
    assert temporary_of(name) is None


def test_worker_names_parse_back() -> None:
    """Writer and reader agree on every name of a worker."""
    names = WorkerNames("w")
    for path, role in ((names.hello("b" * 16), "hello"), (names.beat("b" * 16, 7), "beat"), (names.drain(1), "drain")):
        parsed = parse_worker_name(path.rpartition("/")[2])
        assert parsed is not None
        assert parsed.role == role


@pytest.mark.fault("conflict-copies")
@pytest.mark.parametrize(
    "name",
    [
        "request (1).json",
        "request.json.sync-conflict-20260101-120000-ABCDEF",
        "done (conflicted copy).marker",
        "request-LAPTOP.json",
        ".request.json",
        "request.json~",
        "REQUEST.JSON",
        "try-0-0123456789abcdef-w.claim.json",
        "try-1-0123456789ABCDEF-w.claim.json",
        "try-1-0123456789abcde-w.claim.json",
        "try-1-0123456789abcdef-.claim.json",
        "try-1-0123456789abcdef-con.claim.json",
        "try-1000-0123456789abcdef-w.claim.json",
        "in-1-../../etc/passwd",
        "in-1-.hidden",
        "accepted-0.json",
        "request.json\n",
        "",
    ],
)
def test_every_other_name_is_ignored(name: str) -> None:
    """Conflict copies, near misses and naughty names mean nothing."""
    assert parse_job_name(name) is None


@pytest.mark.fault("naughty-names")
@pytest.mark.parametrize(
    "value", ["", ".", "..", "a/b", "a\\b", "-x", "_x", "a.", "CON", "nul.txt", "com1", "a b", "ä", "a\n", "x" * 41]
)
def test_unsafe_ids_are_refused(value: str) -> None:
    """No id can leave its folder or be unnameable on another system."""
    assert not layout.is_job_id(value)


def test_ids_have_their_lengths() -> None:
    """Jobs have at most 40 characters, workers 16."""
    assert layout.is_job_id("a" * 40)
    assert layout.is_worker_id("a" * 16)
    assert not layout.is_worker_id("a" * 17)
