"""The fault matrix: what may go wrong, what comes of it, and which tests prove that.

A test names the rows it proves with `@pytest.mark.fault("row-id")`. `docs/generate.py` writes the table of both, and
the reference is not current while a row has no test or a marker names no row.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MARKER = "fault"


@dataclass(frozen=True)
class Row:
    """One fault, and what comes of it. `id` is what markers name."""

    id: str
    fault: str
    outcome: str


ROWS = (
    Row("marker-before-data", "the marker arrives before its data", "wait, ask for it (`need`), never consume"),
    Row("data-lost", "data is lost for ever", "reject, next attempt"),
    Row("slow-sync-tool", "a sync tool brings data minutes after its marker", "waited for while it grows, one attempt"),
    Row("job-folder-returns", "a deleted job folder comes back with its request alone", "told that the job is over"),
    Row("request-before-inputs", "the request arrives before its inputs", "not taken yet"),
    Row("torn-control-file", "a control file is torn, at every byte", "not there yet"),
    Row("one-name-twice", "two files or folders carry one name", "all are read, each is checked"),
    Row("conflict-copies", "a sync tool leaves conflict copies", "ignored, counted"),
    Row("stale-listing", "a listing is minutes old, or empty once", "later, never wrong, never cancelled"),
    Row("both-workers-win", "two workers both win one attempt", "both run, the first verified result is taken"),
    Row("attempts-used-up", "somebody writes the highest attempt number", "nobody claims the job, it is offered again"),
    Row("worker-killed", "a worker is killed between any two operations", "its lease lapses, attempt n + 1"),
    Row("late-files", "a dead worker's files come late", "ignored, or accepted if they verify first"),
    Row("worker-paused", "a worker is paused for ten minutes and resumed", "harmless"),
    Row("broken-worker", "a broken worker fails everything fast", "the others finish the jobs"),
    Row("dispatcher-asleep", "the dispatcher sleeps for two hours", "no lease lapses by that"),
    Row("dispatcher-killed", "the dispatcher is killed at any point", "no result is handed over twice"),
    Row("two-dispatchers", "two dispatchers use one drop", "each judges its own jobs"),
    Row("database-lost", "the run database is lost mid-job", "submitted anew; mirrored ends are honoured"),
    Row("clock-skew", "a clock is a day off, a file is of 1999", "no effect"),
    Row("errno-107-5-hang", "errno 107, errno 5, a call that hangs", "bounded, recovered"),
    Row("remote-down", "the remote is down while `close()` says OK", "the barrier never opens"),
    Row("cache-disk-full", "the cache disk is full", "STORAGE, no hang"),
    Row("403-429-5xx", "the remote answers 403, 429 or 5xx", "truncated exponential backoff"),
    Row("403-although-created", "403 although the file was created", "no effect is doubled"),
    Row("job-folder-deleted", "the user deletes the job folder", "CANCELLED by the user"),
    Row("mount-vanishes", "the mount vanishes", "CHANNEL_LOST, recovers"),
    Row("job-kills-workers", "a job kills every worker that takes it", "DEAD, the other jobs go on"),
    Row("bad-json", "bad JSON", "refused, the worker lives"),
    Row("naughty-names", "traversal, reserved and naughty names", "refused before a path is built"),
    Row("symlink", "a symbolic link in a job folder", "refused"),
    Row("hostile-media", "hostile media", "INPUT_CORRUPT in bounded time and memory"),
    Row("forged-message", "a message is forged, renamed or replayed, with `require`", "ignored and reported"),
    Row("version-99", "a request of version 99", "not claimed, a clear message"),
    Row("old-and-new", "old worker, new worker and new dispatcher on one drop", "one verified result"),
    Row("session-cap", "a session ends after 12 hours", "RELEASED, the next session resumes"),
)


def proofs(tests: Path) -> dict[str, list[str]]:
    """Return `{row id: [test, …]}` of the markers below `tests`, read without importing anything.

    A test is `<path below tests>::<function>`. A marker that is no plain text raises ValueError.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        for row, name in _marked(path):
            found.setdefault(row, []).append(f"{path.relative_to(tests).as_posix()}::{name}")
    return found


def page(found: Mapping[str, list[str]]) -> str:
    """Return the table of rows and their tests; a row without a test, or a test without a row, raises ValueError."""
    known = {row.id for row in ROWS}
    if unknown := sorted(found.keys() - known):
        raise ValueError(f"markers name no row of the fault matrix: {', '.join(unknown)}")
    if unproved := [row.id for row in ROWS if row.id not in found]:
        raise ValueError(f'no test is marked @pytest.mark.fault("…") for: {", ".join(unproved)}')
    lines = [
        "# The fault matrix",
        "",
        "Generated by `make reference` from `tests/support/faults.py` and the markers of the tests.",
        "`pytest -m fault` runs them.",
        "",
        "| row | when | then | shown by |",
        "|---|---|---|---|",
        *(f"| `{row.id}` | {row.fault} | {row.outcome} | {_links(found.get(row.id, []))} |" for row in ROWS),
    ]
    return "\n".join(lines) + "\n"


def _links(tests: list[str]) -> str:
    return "<br>".join(f"[`{test}`](../../tests/{test.partition('::')[0]})" for test in tests)


def _marked(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (row, test) of every marker in a file, on a test or (`pytestmark`) on all of them."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    everywhere = [row for node in tree.body if _is_pytestmark(node) for row in _rows(node, path)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            own = [row for decorator in node.decorator_list for row in _rows(decorator, path)]
            yield from ((row, node.name) for row in dict.fromkeys([*everywhere, *own]))


def _is_pytestmark(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in targets)


def _rows(node: ast.AST, path: Path) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == f"pytest.mark.{MARKER}":
            for argument in call.args:
                if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                    raise ValueError(f"{path}:{call.lineno}: the row of a fault marker is written out as text")
                yield argument.value
