"""The living example, and the table it stands in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from colab.handlers import HANDLERS
from colab.work import StopWork
from protocol.errors import JobFailed
from protocol.kinds import KINDS, echo


def test_every_kind_has_a_handler_and_every_handler_a_kind():
    """The two tables name the same kinds, and each handler says its own."""
    assert set(HANDLERS) == set(KINDS)
    assert {kind: HANDLERS[kind]().kind for kind in HANDLERS} == {kind: kind for kind in KINDS}


def test_the_table_imports_no_engine():
    """Reading the table of handlers loads neither a handler, nor numpy, nor the speech library."""
    code = (
        "import sys, colab.handlers\n"
        "heavy = {'numpy', 'espeakng_loader', 'soxr', 'colab.handlers.tts', 'colab.handlers.echo'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_speech_handler_imports_no_model_library():
    """Importing the handler itself leaves the engines' libraries alone."""
    code = "import sys, colab.handlers.tts; sys.exit('loaded' if 'espeakng_loader' in sys.modules else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_echo_gives_back_the_text(make_work):
    """The text comes back byte for byte, published, with every unit told."""
    work = make_work(echo.Params(text="zeile\r\nfin ✓", units=3))
    result = work.run()
    assert work.output("echo.txt").read_bytes() == "zeile\r\nfin ✓".encode()
    assert work.published == ["echo.txt"] == list(echo.KIND.outputs(work.params))
    assert [done for done, _, _ in work.progressed] == [0, 1, 2, 3]
    assert {total for _, total, _ in work.progressed} == {3}
    assert result.engine in HANDLERS["echo"]().engines(work.models)


def test_echo_stops_within_a_unit(make_work):
    """A long unit of pretended work ends as soon as the job is cancelled, and nothing is published."""
    work = make_work(echo.Params(text="x", units=1, unit_s=3600), stop_after=1)
    with pytest.raises(StopWork):
        work.run()
    assert work.published == []


def test_echo_refuses_another_engine(make_work):
    """An engine that is not here is UNSUPPORTED, not ignored."""
    with pytest.raises(JobFailed) as failed:
        make_work(echo.Params(), engine="kokoro").run()
    assert failed.value.code == "UNSUPPORTED"
