"""Every operation of a whole job, of either side, fails in every way: one right result, and nobody is stuck.

The channel is a real folder, both sides are production code, time is virtual (`tests/support/trial.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.runs.store import RunStore
from protocol.drop import Capabilities
from protocol.errors import JobFailed
from protocol.observation import Observation
from tests.support.faulty import Fault
from tests.support.trial import RIGHT, Trial

SYNCED = Capabilities(local=False, settle_s=4, poll_s=0.5, beat_s=2)
"""The rules of a slow drop (settling, barriers, patience) at a pace that keeps the sweep short."""

AT_LEAST = {"owner": 25, "worker": 30}
"""So many operations a job has on a plain disk: a sweep that met fewer would prove less than it says."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunStore]:
    """One run database for all: opening one takes longer than a whole job."""
    with RunStore.open(tmp_path_factory.mktemp("store") / "runs.sqlite3") as opened:
        yield opened


@pytest.mark.fault("worker-killed")
@pytest.mark.fault("dispatcher-killed")
@pytest.mark.fault("errno-107-5-hang")
@pytest.mark.fault("403-although-created")
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("side", AT_LEAST)
def test_every_operation_of_a_job_meets_every_fault(tmp_path: Path, store: RunStore, side: str, fault: Fault) -> None:
    """Whatever one operation of one side does, one right result is handed over and the drop is left clean."""
    struck = sweep(tmp_path, store, side, fault)
    assert len(struck) >= AT_LEAST[side]


@pytest.mark.parametrize("fault", [Fault.FAILS_DONE, Fault.HANGS, Fault.TRUNCATES, Fault.DIES_HALF])
@pytest.mark.parametrize("side", AT_LEAST)
def test_every_operation_on_a_slow_drop(tmp_path: Path, store: RunStore, side: str, fault: Fault) -> None:
    """The same where claims settle, nothing is exclusive and data may be late."""
    struck = sweep(tmp_path, store, side, fault, pace=SYNCED)
    assert len(struck) >= AT_LEAST[side]


@pytest.mark.fault("data-lost")
@pytest.mark.parametrize("fault", Fault)
def test_what_the_owner_says_meets_every_fault(tmp_path: Path, store: RunStore, fault: Fault) -> None:
    """The outputs of the first worker never arrive whole: asking again, rejecting and the next attempt survive."""
    struck = sweep(tmp_path, store, "owner", fault, only=lambda met: met.startswith("put "), lossy=True)
    said = [met.rpartition("/")[2].partition("-")[0] for met in struck]
    assert said == ["request.json", "need", "need", "reject", "accepted"]


def sweep(
    folder: Path,
    store: RunStore,
    side: str,
    fault: Fault,
    *,
    only: Callable[[str], bool] = lambda met: True,
    **how: Any,
) -> list[str]:
    """Run a trial for every operation of an undisturbed job, or `only` some; return those that were struck."""
    calm = trial(folder / f"{folder.name} 0", store, side, fault, 0, **how)
    strikes = [n for n, met in enumerate(calm.faulty.operations, 1) if only(met)]
    struck = []
    for strike in strikes:
        done = trial(folder / f"{folder.name} {strike}", store, side, fault, strike, **how)
        assert done.faulty.struck, f"operation {strike} of the {side} did not come"
        struck.append(done.faulty.met)
    return struck


def trial(folder: Path, store: RunStore, side: str, fault: Fault, strike: int, **how: Any) -> Trial:
    """Run one trial and check all that was promised."""
    made = Trial(folder, store, side=side, fault=fault, strike=strike, **how)
    try:
        check(made, made.run())
    except Exception as error:
        if not (isinstance(error, JobFailed) and is_refused_input(made)):
            raise AssertionError(f"operation {strike} of the {side}, {made.faulty.met}, {fault}: {error!r}") from error
    return made


def check(made: Trial, seen: Observation) -> None:
    """One verified result was taken, it is what was handed over each time, and nothing is left in the drop."""
    run, met = made.owner.run, made.faulty.met
    assert (run.status, run.verified) == ("completed", "full")
    assert set(made.owner.handed_over) == {(run.nonce, RIGHT)}
    assert seen.cancelled is None
    if not met.endswith("accepted-1.json"):
        assert seen.accepted is not None
        assert seen.accepted.nonce == run.nonce
    left = [path.name for path in made.root.iterdir() if path.name not in ("_drop.json", "_workers")]
    assert not left or met.startswith("delete"), f"{left} are left"


def is_refused_input(made: Trial) -> bool:
    """Say whether the only worker there is may not read the input: the job ends for that reason."""
    return made.faulty.fault is Fault.REFUSES and made.faulty.met.startswith("copy_out ")
