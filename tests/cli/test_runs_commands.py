"""`gpudrop runs`, `workers` and `status`: what they print for people and for programs, and their exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.operations.settling import hold_up
from dispatcher.runs.record import Artifact, AttemptRecord, Delivery, Ended, Group, ResultRecord, Run, RunExtras
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.errors import GpudropError
from protocol.messages import Offer, Request
from tests.support.drops import ROOT, make_drop, worker

DROP_ID = "d" * 16


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """Return its JSON."""
        return json.loads(self.out)


Command = Callable[..., Said]
Add = Callable[..., Run]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data folder that commands use."""
    for name in ("DROP", "AUTH", "KEY", "DATABASE_URL"):
        monkeypatch.delenv(f"GPUDROP_{name}", raising=False)
    monkeypatch.delenv("COLAB_TTS_DRIVE_PATH", raising=False)
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GPUDROP_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("GPUDROP_HOME", str(tmp_path))
    return tmp_path / "data"


@pytest.fixture
def store(data: Path) -> Iterator[RunStore]:
    """Return the run database that commands use."""
    with RunStore.open(f"sqlite:///{data / 'runs.sqlite3'}") as opened:
        yield opened


@pytest.fixture
def gpudrop(data: Path) -> Command:
    """Return the command, in this process."""

    def run(*arguments: str | Path, stdin: str | None = None) -> Said:
        result = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*map(str, arguments)], input=stdin)
        if isinstance(result.exception, GpudropError):
            return Said(result.exception.exit_code, result.stdout, f"{result.stderr}{result.exception}")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def add(store: RunStore, tmp_path: Path) -> Add:
    """Return a way to add runs: one a second, the newest last."""
    count = 0

    def make(status: str = "completed", **changed: Any) -> Run:
        nonlocal count
        count += 1
        at = time.time() - 1000 + count
        run_id = f"261125-{count:06}-{count:08x}"
        kind = str(changed.get("kind", "upscale"))
        digest = codec.digest(kind, {"scale": 2.0}, {}, {})
        offer = Offer(drop=DROP_ID, id=run_id, dispatcher=store.dispatcher_id, kind=kind, digest=digest)
        plain = Run(
            id=run_id,
            key=run_id,
            kind=kind,
            status="pending",
            drop=str(tmp_path / "drop"),
            drop_id=DROP_ID,
            job=run_id,
            digest=digest,
            request=codec.encode(Request(params={"scale": 2.0}, job=offer)),
            created_at=at,
            updated_at=at,
            title=f"clip-{count}.mp4",
        )
        run, _ = store.add_or_find(replace(plain, **changed))
        if status in ("queued", "running"):
            store.progress(run.id, status=status, at=at + 1, worker="w", done=40, total=100)  # type: ignore[arg-type]
        elif status != "pending":
            store.progress(run.id, status="running", at=at + 3, worker="w")
            bad = {"error_code": "ENGINE", "error_text": "it broke"} if status != "completed" else {}
            store.commit(run.id, status, at=at + 10, **bad)  # type: ignore[arg-type]
        return store.get(run.id)

    return make


def ids(said: Said) -> list[str]:
    """Return the ids that a list tells."""
    return [run["id"] for run in said.told["runs"]]


def test_the_newest_run_comes_first(gpudrop: Command, add: Add) -> None:
    """`runs ls --json` is {"runs": [{"id", "kind", "status", …}]}, the newest first, whatever else it tells."""
    runs = [add(), add("failed", kind="transcribe"), add("running")]
    said = gpudrop("runs", "ls", "--json")
    assert said.code == 0
    assert ids(said) == [run.id for run in reversed(runs)]
    assert [(it["kind"], it["status"]) for it in said.told["runs"]] == [
        ("upscale", "running"),
        ("transcribe", "failed"),
        ("upscale", "completed"),
    ]
    newest, failed, done = said.told["runs"]
    assert (newest["progress"], failed["error"]) == (0.4, {"code": "ENGINE", "text": "it broke"})
    assert (round(done["wait_s"]), round(done["run_s"])) == (3, 7)


def test_every_filter_narrows_the_list(gpudrop: Command, add: Add, store: RunStore) -> None:
    """Kind, status, time, tag, parent, group and text, alone and together."""
    store.search.begin_group(Group(id="261125-000000-aaaa", sort="batch", title="films", created_at=1.0))
    first = add(group_id="261125-000000-aaaa")
    child = add("failed", kind="transcribe", parent_id=first.id)
    store.trace.tag(child.id, add=["night"])
    other = add("running", title="holiday.mov")
    for filters, wanted in (
        (("--kind", "transcribe"), [child]),
        (("--kind", "transcribe,upscale", "--status", "ended"), [child, first]),
        (("--status", "open"), [other]),
        (("--status", "bad"), [child]),
        (("--tag", "night"), [child]),
        (("--tag", "night", "--tag", "day"), []),
        (("--parent", first.id[-8:]), [child]),
        (("--group", "2611"), [first]),
        (("--since", "2h"), [other, child, first]),
        (("--until", "2026-01-01"), []),
        (("--since", "1m"), []),
        (("holiday",), [other]),
        (("--limit", "1"), [other]),
    ):
        assert ids(gpudrop("runs", "ls", *filters, "--json")) == [run.id for run in wanted], filters


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("runs", "show", "nothing"), 3, "there is no run or tour 'nothing'"),
        (("runs", "show", "2611"), 2, "may be more than one: "),
        (("runs", "ls", "--since", "soon"), 2, "is not a time"),
        (("runs", "ls", "--status", "done"), 2, "is not one of pending"),
        (("runs", "ls", "--kind", "film"), 2, "is not one of analyze"),
        (("runs", "retry", "00000001"), 2, "is completed"),
        (("runs", "rm", "00000003", "--yes"), 2, "it is open"),
        (("runs", "rm", "00000001"), 2, "add --yes"),
        (("runs", "prune"), 2, "say what to remove"),
        (("runs", "prune", "--status", "running"), 2, "is not one of cancelled"),
        (("runs", "cancel", "00000001"), 1, ""),
        (("runs", "replay", "00000001"), 2, "add --local"),
        (("runs", "tag", "00000001", "a,b"), 2, "without commas"),
        (("runs", "reindex", "--adopt", "x"), 2, "16 hexadecimal digits"),
        (("workers", "show", "nobody"), 3, "no worker 'nobody'"),
    ],
)
def test_mistakes_have_their_exit_codes(
    gpudrop: Command, add: Add, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """An unknown run is 3, an ambiguous one and a wrong option 2; the message says what there is."""
    for status in ("completed", "failed", "running"):
        add(status)
    said = gpudrop(*arguments)
    assert (said.code, says in said.err) == (code, True), said


def test_what_an_ended_run_waits_for_is_shown(gpudrop: Command, add: Add, store: RunStore) -> None:
    """An output that cannot be put in its place yet is said with its hint, until it is there."""
    run = add()
    hold_up(store, run, "/mnt/stick/a.srt cannot be written. Is its disk there?", at=time.time())
    shown, told = gpudrop("runs", "show", run.id), gpudrop("runs", "show", run.id, "--json").told
    assert "waits for  /mnt/stick/a.srt cannot be written. Is its disk there?" in shown.out
    assert told["history"][-1]["why"] == "HELD_UP"
    store.trace.settled(run.id, at=time.time())
    assert "waits for" not in gpudrop("runs", "show", run.id).out


def test_a_run_is_shown_with_all_that_helps(gpudrop: Command, add: Add, store: RunStore, tmp_path: Path) -> None:
    """Times apart, attempts, files and their places, engine, error with its hint, and history."""
    run = add("running")
    (tmp_path / "in.mp4").write_bytes(b"film")
    files = [
        Artifact(role="input", name="source", path=str(tmp_path / "in.mp4"), size=4, sha256="0" * 64),
        Artifact(role="output", name="out.mp4", path=str(tmp_path / "gone.mp4"), size=5_000_000, sha256="1" * 64),
    ]
    store.attach(run.id, RunExtras(tags=["night"], deliveries=[Delivery(name="out.mp4", target="/films/out.mp4")]))
    store.trace.delivered(run.id, "/films/out.mp4", at=5.0)
    attempt = AttemptRecord(
        nonce="a" * 16, n=1, worker="w", status="failed", seen_at=1.0, ended_at=4.0, error_text="boom"
    )
    engine = {"name": "realesrgan", "version": "3", "tier": "neural", "device": "Tesla T4"}
    ended = Ended(files=files, attempts=[attempt])
    store.commit(
        run.id,
        "failed",
        at=time.time(),
        error_code="STORAGE",
        error_text="disk full",
        result=ResultRecord(engine=engine),
        ended=ended,
    )
    out = gpudrop("runs", "show", run.id).out
    for word in (
        "STORAGE: disk full",
        f"`gpudrop runs retry {run.id[-8:]}`",
        "waited",
        "worked",
        "realesrgan, 3, neural, Tesla T4",
        "boom",
        "→ /films/out.mp4",
        "(gone)",
        "5.0 MB",
        "night",
        "asked for",
    ):
        assert word in out, word
    told = gpudrop("runs", "show", run.id, "--json").told
    assert told["attempts"][0]["error_text"] == "boom"
    assert [it["name"] for it in told["inputs"]] == ["source"]
    assert told["hint"].startswith("free space")


def test_a_chain_is_a_tree(gpudrop: Command, add: Add) -> None:
    """What was made of a run's output stands below it, whichever run of the chain is named."""
    first = add()
    second = add(parent_id=first.id)
    third = add("running", parent_id=second.id)
    alone = add()
    told = gpudrop("runs", "tree", third.id, "--json").told["runs"]
    assert [(it["id"], it["depth"]) for it in told] == [(first.id, 0), (second.id, 1), (third.id, 2)]
    lines = gpudrop("runs", "tree").out.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["clip-4.mp4", "clip-1.mp4", "clip-2.mp4", "clip-3.mp4"]
    assert lines[3].startswith("└ ")
    assert alone.id[-8:] in lines[1]


def test_a_log_that_never_was_is_said_and_no_error(gpudrop: Command, add: Add, store: RunStore, tmp_path: Path) -> None:
    """Written, never written, moved away, and not here yet are four different things."""
    run = add("running")
    (tmp_path / "log.txt").write_text("line one\nline two\n")
    for n, log in enumerate((str(tmp_path / "log.txt"), "", str(tmp_path / "moved.txt"), None), 1):
        record = AttemptRecord(nonce=f"{n:016x}", n=n, worker=f"w{n}", status="lapsed", seen_at=1.0, log=log)
        store.progress(run.id, at=1.0, attempts=[record])
    said = gpudrop("runs", "logs", run.id)
    assert said.code == 0
    for word in ("line two", "w2, lapsed: it wrote no log", "moved.txt", "downloaded when"):
        assert word in said.out
    told = gpudrop("runs", "logs", run.id, "--json").told["attempts"]
    assert [bool(it["log"]) for it in told] == [True, False, False, False]


def test_a_log_of_a_gigabyte_is_shown_from_its_end(add: Add, store: RunStore, data: Path, tmp_path: Path) -> None:
    """It is read from its end, so it takes neither the memory nor the time that the whole would."""
    run = add()
    path = tmp_path / "huge.log"
    with path.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"".join(b"line %d\n" % n for n in range(1000)))
    record = AttemptRecord(nonce="a" * 16, n=1, worker="w", status="accepted", seen_at=1.0)
    store.database.close()
    with RunStore.open(f"sqlite:///{data / 'runs.sqlite3'}") as again:
        open_run = add("running")
        again.progress(open_run.id, at=1.0, attempts=[replace(record, log=str(path))])
    code = (
        "import resource, sys; from dispatcher.cli import app\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))\n"
        f"app(['runs', 'logs', '{open_run.id}', '-n', '3'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=250, check=True
    )
    assert done.stdout.splitlines()[-3:] == ["line 997", "line 998", "line 999"]
    assert "the last 3 lines" in done.stdout
    assert run.id not in done.stdout


def test_following_ends_with_the_run(gpudrop: Command, add: Add, store: RunStore, data: Path) -> None:
    """`runs logs -f` tells each line of the history as it comes, and ends when the run has."""
    run = add("running")
    command = [sys.executable, "-m", "dispatcher.cli", "runs", "logs", "-f", run.id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert "asked for" in process.stdout.readline()
        store.progress(run.id, at=time.time(), text="half of it is done")
        assert "half of it is done" in process.stdout.readline()
        store.commit(run.id, "cancelled", at=time.time(), error_text="enough")
        assert "cancelled: enough" in process.stdout.read()
        assert process.wait(150) == 0


def test_lines_fit_a_terminal_of_80_columns_and_stay_whole_in_a_pipe(
    gpudrop: Command, add: Add, store: RunStore, data: Path
) -> None:
    """On a terminal nothing is wider than it, in a pipe nothing is cut, and NO_COLOR takes the colours away."""
    add("failed", title="a-very-long-name-of-a-film-" * 6 + ".mp4")
    add("running", kind="transcribe")
    env = {**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    for command in (["runs", "ls"], ["runs", "tree"], ["status", "--no-look"], ["runs", "show", "00000001"]):
        shown = _on_terminal([sys.executable, "-m", "dispatcher.cli", *command], env)
        assert max(map(len, shown.splitlines())) <= 80, shown
        assert "\x1b[3" not in shown
        assert "clip-2.mp4" in shown or "a-very-long-name" in shown
    piped = gpudrop("runs", "ls").out
    assert "a-very-long-name-of-a-film-" * 6 in piped
    assert "\x1b" not in piped
    assert all(line == line.rstrip() for line in piped.splitlines())


def _on_terminal(command: list[str], env: dict[str, str]) -> str:
    """Run a command on a terminal and return what it wrote there, without what only moves or emboldens."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=env, cwd=ROOT)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    process.wait(30)
    return shown.decode().replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "")


def test_hostile_texts_steer_no_terminal(gpudrop: Command, add: Add, store: RunStore) -> None:
    """What a worker or a file's name holds is shown as text: no escape sequence, no marks of ours, no broken line."""
    run = add("failed", title="[red]x[/] \x1b]0;owned\x07\nsecond line")
    store.trace.note(run.id, "\x1b[2J[/bold] token=hf_abcdefghijklmnop", at=1.0)
    for command in ("ls", "tree"):
        said = gpudrop("runs", command).out
        assert "[red]x[/]" in said
        assert len(said.splitlines()) == 2
        assert "\x1b" not in said
    for command in ("show", "logs"):
        said = gpudrop("runs", command, run.id).out
        assert "\x1b" not in said
        assert "hf_abcdefghijklmnop" not in said


def test_cancelling_tells_what_it_did(gpudrop: Command, add: Add, store: RunStore) -> None:
    """Each run is told of; what had ended stays, and where nothing was open the exit code says so."""
    done, running = add(), add("running")
    said = gpudrop("runs", "cancel", done.id, running.id, "--reason", "too slow", "--json")
    assert said.code == 0
    assert [(it["id"], it["status"], it["cancelled"]) for it in said.told["runs"]] == [
        (done.id, "completed", False),
        (running.id, "cancelled", True),
    ]
    assert store.get(running.id).error_text == "too slow"
    assert "tells the worker when it can" in said.err  # there is no drop
    assert gpudrop("runs", "cancel", done.id).code == 1


def test_retry_and_rerun_print_the_new_run(gpudrop: Command, add: Add, store: RunStore) -> None:
    """What they print can be given to the next command."""
    failed, done = add("failed"), add()
    said = gpudrop("runs", "retry", failed.id[-8:], "--no-wait")
    assert said.code == 0, said
    again = said.out.strip()
    assert store.get(again).status == "pending"
    told = gpudrop("runs", "rerun", done.id, "--no-wait", "--json").told
    assert (told["status"], told["repeats"]) == ("pending", done.id)
    assert gpudrop("runs", "ls", "--status", "open", "--json").told["in_all"] == 2


def test_tags_are_given_and_taken(gpudrop: Command, add: Add) -> None:
    """Without a tag the command prints those there are."""
    run = add()
    assert gpudrop("runs", "tag", run.id, "night", "demo").out == "demo\nnight\n"
    assert gpudrop("runs", "tag", run.id, "--remove", "demo", "--json").told["tags"] == ["night"]
    assert gpudrop("runs", "tag", "last").out == "night\n"


def test_removing_says_how_much_and_asks(gpudrop: Command, add: Add, store: RunStore, data: Path) -> None:
    """The bytes are told before and after; --dry-run and a refused question remove nothing."""
    run = add()
    folder = data / "results" / run.job
    folder.mkdir(parents=True)
    (folder / "film.mp4").write_bytes(b"0" * 2_500_000)
    assert "2.5 MB" in gpudrop("runs", "rm", run.id, "--dry-run").out
    assert folder.exists()
    assert gpudrop("runs", "rm", run.id, "--yes", "--json").told["bytes"] == 2_500_000
    assert not folder.exists()
    assert gpudrop("runs", "show", run.id).code == 3


def test_pruning_goes_by_age_status_and_number(gpudrop: Command, add: Add, store: RunStore, data: Path) -> None:
    """Open runs and the newest stay; what is old or of a status goes, and clips that nobody used with it."""
    runs = [add(), add("failed"), add("running"), add(), add()]
    clip = data / "narration" / "ab" / "abc" / "maker"
    clip.mkdir(parents=True)
    (clip / "clip.json").write_text("{}")
    os.utime(clip / "clip.json", (1, 1))
    told = gpudrop("runs", "prune", "--status", "failed", "--yes", "--json").told
    assert [it["id"] for it in told["runs"]] == [runs[1].id]
    assert clip.exists()
    told = gpudrop("runs", "prune", "--keep", "1", "--yes", "--json").told
    assert [it["id"] for it in told["runs"]] == [runs[3].id, runs[0].id]
    assert gpudrop("runs", "prune", "--older-than", "1d", "--dry-run").out.startswith("would remove 1 other folder, ")
    gpudrop("runs", "prune", "--older-than", "1s", "--yes")
    assert not clip.exists()
    assert ids(gpudrop("runs", "ls", "--json")) == [runs[2].id]
    assert gpudrop("runs", "prune", "--older-than", "1s", "--yes").out == "nothing to remove\n"
    assert gpudrop("runs", "prune", "--older-than", "1s", "--dry-run").out == "nothing to remove\n"


def test_export_writes_every_run(gpudrop: Command, add: Add, tmp_path: Path) -> None:
    """CSV and JSON lines hold the same runs; a file that is there is not written over."""
    runs = [add(title='with, "quotes"\nand a break'), add("failed")]
    lines = [json.loads(line) for line in gpudrop("runs", "export").out.splitlines()]
    assert [it["id"] for it in lines] == [run.id for run in reversed(runs)]
    out = tmp_path / "runs.csv"
    assert gpudrop("runs", "export", "--format", "csv", "-o", out).code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [row["title"] for row in rows] == ["clip-2.mp4", 'with, "quotes"\nand a break']
    assert rows[0]["error_code"] == "ENGINE"
    assert gpudrop("runs", "export", "-o", out).code == 2


def test_status_tells_what_runs_and_what_does_not_fit(gpudrop: Command, add: Add) -> None:
    """Open runs with worker and age, counts by state, and faults with their hints; a drop that is gone says so."""
    add("failed")
    run = add("running")
    told = gpudrop("status", "--json").told
    assert told["counts"] == {"failed": 1, "running": 1}
    assert [(it["id"], it["worker"]) for it in told["runs"]] == [(run.id, "w")]
    assert any("there is no folder" in it["problem"] for it in told["workers"])
    assert [it["sort"] for it in told["faults"]] == ["unattended"]
    out = gpudrop("status").out
    assert "1 running" in out
    assert "gpudrop watch" in out
    assert "running 40 %" in out


def test_status_lists_the_newest_failures(gpudrop: Command, add: Add) -> None:
    """At most five, each with its error in one line, and how to see the others; cancelled ones are no failures."""
    add("failed", created_at=time.time() - 2 * 86_400)
    add("cancelled")
    assert "it broke" not in gpudrop("status", "--no-look").out
    failed = [add("failed") for _ in range(6)]
    told = gpudrop("status", "--no-look", "--json").told
    assert [it["id"] for it in told["failed"]] == [run.id for run in failed[:0:-1]]
    out = gpudrop("status", "--no-look").out
    lines = [line.split() for line in out.splitlines() if line.endswith("it broke")]
    assert lines[0] == ["00000008", "upscale", "failed", "clip-8.mp4", "it", "broke"]
    assert len(lines) == 5
    assert "1 more; all of them: gpudrop runs ls --status bad --since 24h" in out
    assert len(gpudrop("runs", "ls", "--status", "bad", "--since", "24h", "--json").told["runs"]) == 6


def test_a_worker_is_listed_shown_and_drained(gpudrop: Command, tmp_path: Path) -> None:
    """A real worker is seen with what it can do, and ends by itself after it was asked to."""
    drop = make_drop(tmp_path / "drop")
    with worker(drop, "--name", "here") as process:
        for _ in range(400):
            seen = gpudrop("workers", "ls", "--drop", drop, "--json").told["workers"]
            if seen and seen[0]["last_sign_s"] is not None:
                break
            time.sleep(0.2)
        assert [(it["worker"], it["alive"]) for it in seen] == [("here", "yes")]
        assert "does tts" in gpudrop("workers", "show", "her", "--drop", drop).out
        said = gpudrop("workers", "drain", "here", "--drop", drop)
        assert (said.code, "asked here to stop" in said.out) == (0, True)
        assert process.wait(150) == 0
    assert list((drop / "_workers" / "here").glob("drain-1.json"))


def test_a_database_that_cannot_be_used_says_how_to_go_on(gpudrop: Command, data: Path) -> None:
    """Every command ends with 6 and the hint, and leaves the damaged file as it is."""
    data.mkdir()
    (data / "runs.sqlite3").write_bytes(b"this is no database at all" * 100)
    before = (data / "runs.sqlite3").read_bytes()
    for command in (["runs", "ls"], ["status"], ["runs", "heal"], ["runs", "reindex"], ["workers", "ls"]):
        said = gpudrop(*command)
        assert (said.code, "runs reindex" in said.err) == (6, True), said
    assert (data / "runs.sqlite3").read_bytes() == before


def test_a_healthy_database_and_an_empty_search_say_so(gpudrop: Command) -> None:
    """In plain words, and with exit code 0 where nothing is wrong."""
    healed = gpudrop("runs", "heal", "--dry-run")
    assert (healed.code, healed.out) == (0, "no inconsistencies found\n")
    assert gpudrop("runs", "ls", "--tag", "nothing").err == "no matching runs\n"
