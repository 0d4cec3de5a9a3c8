"""Whether the application is there, asked before anything is spoken."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from dispatcher.tour.application import check_servers
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.model import Spec
from protocol.errors import EnvironmentNotReady
from tests.support.pages import serve


def closed_port() -> int:
    """Return a port at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def spec_of(folder: Path, *urls: str) -> Spec:
    """Return a spec whose steps open these addresses."""
    path = folder / "tour.json"
    path.write_text(json.dumps({"steps": [{"id": f"s{n}", "url": url} for n, url in enumerate(urls)]}))
    return load(path)


def test_a_refused_connection_is_an_error(tmp_path: Path) -> None:
    """The first page's server has to be there; the message names step and address, without its secrets."""
    port = closed_port()
    with pytest.raises(EnvironmentNotReady) as refused:
        check_servers(spec_of(tmp_path, f"http://ann:secret@127.0.0.1:{port}/lab?token=abc"))
    assert f"step 's0' opens http://127.0.0.1:{port}/lab" in str(refused.value)
    assert "nothing is running there" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "abc" not in str(refused.value)


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    """A host that does not exist is told as such."""
    with pytest.raises(EnvironmentNotReady, match="cannot be resolved"):
        check_servers(spec_of(tmp_path, "http://nowhere.invalid/"))


def test_a_later_server_is_a_warning(tmp_path: Path) -> None:
    """A step may start the server of the next one; files and empty pages need none."""
    (tmp_path / "page.html").write_text("x")
    with serve() as site:
        spec = spec_of(tmp_path, "about:blank", "page.html", site.url, f"http://127.0.0.1:{closed_port()}/")
        [warning] = check_servers(spec)
        assert "step 's3'" in warning
        assert check_servers(spec_of(tmp_path, site.url, f"{site.url}/two")) == []
