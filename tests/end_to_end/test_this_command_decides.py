"""A result that an earlier command had made goes where this command says, under its names, and tells whom it names."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = "Press the button. Then wait for it to turn green, which takes about ten seconds on most machines.\n"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "data"


def gpudrop(*arguments: str | Path) -> dict[str, Any]:
    """Run a command to its end and return what it printed as JSON."""
    command = [sys.executable, "-m", "dispatcher.cli", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def source(folder: Path, name: str) -> Path:
    """Write the text into a folder of its own."""
    folder.mkdir(parents=True)
    (folder / name).write_text(TEXT)
    return folder / name


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


CHAIN = ("--then", "enhance purpose=prompt")
MADE = ["enhanced.enhanced.json", "enhanced.enhanced.txt", "enhanced.json", "enhanced.txt"]


def test_a_chain_writes_beside_its_own_source(tmp_path: Path) -> None:
    """The folder of the first command sorts last, so that whoever takes the last place known takes the wrong one."""
    gpudrop("enhance", source(tmp_path / "z-first", "one.txt"), *CHAIN)
    first = names(tmp_path / "z-first")
    assert first == sorted(["one.txt", *(f"one.{name}" for name in MADE)])
    gpudrop("enhance", source(tmp_path / "a-second", "two.txt"), *CHAIN)
    assert names(tmp_path / "z-first") == first
    assert names(tmp_path / "a-second") == sorted(["two.txt", *(f"two.{name}" for name in MADE)])


def test_out_is_for_every_step_of_a_reused_chain(tmp_path: Path) -> None:
    """With --out nothing is written elsewhere, folders below it stay apart, and what is told is this command's own."""
    gpudrop("enhance", source(tmp_path / "z-first", "one.txt"), *CHAIN)
    source(tmp_path / "many" / "inner", "three.txt")
    before = names(tmp_path / "z-first")
    made = gpudrop("enhance", tmp_path / "many", *CHAIN, "--out", tmp_path / "made")
    assert names(tmp_path / "made") == sorted(f"inner/three.{name}" for name in MADE)
    assert (names(tmp_path / "z-first"), names(tmp_path / "many")) == (before, ["inner/three.txt"])
    assert [Path(path).parent for each in made["made"] for path in each["files"]] == [tmp_path / "made" / "inner"] * 2


def test_a_chain_of_another_command_is_not_followed(tmp_path: Path) -> None:
    """Without --then nothing but this command's own file is made, although the run has children."""
    gpudrop("enhance", source(tmp_path / "z-first", "one.txt"), *CHAIN)
    again = gpudrop("enhance", source(tmp_path / "a-second", "two.txt"))
    assert names(tmp_path / "a-second") == ["two.enhanced.json", "two.enhanced.txt", "two.txt"]
    assert again["runs"] == []


@pytest.fixture
def told() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a server, and the paths at which it was told something."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", paths
    server.shutdown()
    server.server_close()


def test_each_command_has_its_own_address_told(tmp_path: Path, told: tuple[str, list[str]]) -> None:
    """The second command's address is told of the result that was there already, and the first one's not again."""
    address, paths = told
    file = source(tmp_path / "a", "one.txt")
    gpudrop("enhance", file, "--notify", f"{address}/first")
    assert paths == ["/first"]
    gpudrop("enhance", file, "--notify", f"{address}/second")
    assert paths == ["/first", "/second"]


def test_a_result_is_found_where_it_was_put_last(tmp_path: Path) -> None:
    """`run:ID` works beside the newest copy that is still there, whatever earlier commands had put elsewhere."""
    gpudrop("enhance", source(tmp_path / "z-first", "one.txt"))
    second = gpudrop("enhance", source(tmp_path / "a-second", "two.txt"))
    run = second["made"][0]["run"]
    gpudrop("enhance", f"run:{run}/source.enhanced.txt", "--instruction", "calm")
    assert "two.enhanced.enhanced.txt" in names(tmp_path / "a-second")
    assert not [name for name in names(tmp_path / "z-first") if "enhanced.enhanced" in name]
