"""One process acts for a run: the turn is taken once, kept, left, inherited from the dead and from clocks set back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from dispatcher.runs.leases import HOLD_S, Holder
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore

ME, OTHER = (Holder(machine="here", pid=os.getpid(), token=token) for token in ("1", "2"))


def test_a_turn_is_one_holders_until_it_ends(store: RunStore, new_run: Callable[..., Run]) -> None:
    """Whoever has it keeps it by taking it again; another gets it when it was left, or when it has run out."""
    store.add_or_find(new_run("r"))
    take = store.leases.take
    assert take("r", ME, now=100.0)
    assert not take("r", OTHER, now=101.0, held_by=str(ME))
    assert take("r", ME, now=120.0)
    assert not take("r", OTHER, now=120.0 + HOLD_S - 1)
    store.leases.let_go("r", OTHER)
    assert not take("r", OTHER, now=121.0)
    store.leases.let_go("r", ME)
    assert take("r", OTHER, now=121.0)
    assert take("r", ME, now=121.0 + HOLD_S + 1)


def test_nobody_waits_for_the_dead(store: RunStore, new_run: Callable[..., Run]) -> None:
    """The turn of a process of this machine that is gone is free at once; that of another machine is not."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    dead, elsewhere = replace(ME, pid=process.pid), Holder(machine="there", pid=process.pid, token="3")
    for run_id, gone, free in (("r1", dead, True), ("r2", elsewhere, False)):
        store.add_or_find(new_run(run_id))
        assert store.leases.take(run_id, gone, now=100.0)
        assert store.leases.take(run_id, ME, now=101.0, held_by=str(gone)) is free


def test_a_clock_that_was_set_back_locks_nobody_out(store: RunStore, new_run: Callable[..., Run]) -> None:
    """A turn that would end in the far future is none."""
    store.add_or_find(new_run("r"))
    assert store.leases.take("r", OTHER, now=1_000_000.0)
    assert store.leases.take("r", ME, now=100.0)


def test_the_end_of_a_run_ends_its_turn(store: RunStore, new_run: Callable[..., Run]) -> None:
    """Whoever settles it next need not wait."""
    store.add_or_find(new_run("r"))
    store.leases.take("r", OTHER, now=100.0)
    store.commit("r", "completed", at=101.0)
    assert (store.get("r").monitor, store.get("r").ended_at) == (None, 101.0)
    assert store.leases.take("r", ME, now=101.0)


def test_of_many_at_once_one_gets_the_turn(store: RunStore, new_run: Callable[..., Run]) -> None:
    """The rest are told so."""
    store.add_or_find(new_run("r"))
    holders = [replace(ME, token=str(number)) for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda holder: store.leases.take("r", holder, now=100.0), holders))
    assert taken.count(True) == 1
    assert store.get("r").monitor == str(holders[taken.index(True)])
