"""The drop that a command uses: from its flag, the environment, config.toml, or the usual folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.drops import setup
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady
from protocol.transports import read_address

RECENT_RUNS = 500
"""A folder was a drop before if one of this many newest runs went there."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A drop, and how it was chosen, as text for display after its address."""

    address: str | Path
    origin: str
    by_flag: bool = False


def choose(named: str | Path | None, settings: Settings) -> Choice | None:
    """Return the drop to use, whether or not it exists; None if none is given and no Drive folder is found."""
    if named:
        return Choice(address=read_address(str(named)), origin="named by --drop", by_flag=True)
    if (told := settings.drop_of_environment) is not None:
        return Choice(address=read_address(told[0]), origin=f"set by {told[1]}")
    if remembered := settings.defaults.get("drop"):
        return Choice(address=read_address(remembered), origin=f"the default in {settings.config_file}")
    found = setup.find(None, None, settings.home)
    return None if found is None else Choice(address=found, origin="found; no other drop is configured")


def adopt(choice: Choice, settings: Settings) -> str:
    """Turn a folder into a drop where that needs no question, and return a sentence about it; "" for any other folder.

    A folder with jobs in the simple form always qualifies. An empty folder does only if it is named by the flag: a
    configured one may be an unmounted mount point. Raises EnvironmentNotReady for an empty folder that was a drop
    before: its drive is not mounted.
    """
    if setup.adopt(choice.address):
        return f"{choice.address} contained jobs of the old scripts; it is a drop now, and old workers continue to work"
    if not choice.by_flag or not setup.is_blank(choice.address):
        return ""
    if _was_a_drop(choice.address, settings):
        raise EnvironmentNotReady(
            f"{choice.address} is empty, but it was a drop before. Mount the drive that belongs there. If that drop is "
            f"gone for good, make a new one: gpudrop init --drop {choice.address}"
        )
    setup.init_drop(choice.address)
    return f"the empty folder {choice.address} is a drop now"


def _was_a_drop(address: str | Path, settings: Settings) -> bool:
    with RunStore.open(settings.database, durability=settings.durability) as store:
        return str(address) in {run.drop for run in store.recent(RECENT_RUNS)}
