"""`python -m tests.fuzz [codec|results] [--seconds S] [--seed N]`: feed a target until the time is up.

An input that a target does not stand is kept as `fuzz-<target>-<sha256>.bin` and shown with how to run it again; then
the exit code is 1. `--again FILE` runs one input.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path

from tests.fuzz import codec, results
from tests.fuzz.mutation import Mutator

TARGETS = {"codec": codec, "results": results}


def main() -> int:
    """Run what the command line asks for; 1 if an input was not stood."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="codec, results; all when none is named")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--again", type=Path, help="run this input and nothing else")
    told = parser.parse_args()
    if unknown := set(told.targets) - set(TARGETS):
        parser.error(f"there is no target {sorted(unknown)[0]}; there are: {', '.join(TARGETS)}")
    for name in told.targets or TARGETS:
        if told.again:
            TARGETS[name].target(told.again.read_bytes())
        elif not fuzz(name, told.seconds, told.seed):
            return 1
    return 0


def fuzz(name: str, seconds: float, seed: int) -> bool:
    """Feed a target for so long; say whether it stood everything."""
    module, ends, count = TARGETS[name], time.monotonic() + seconds, 0
    for data in Mutator(module.CORPUS, seed, module.KEPT).inputs():
        if time.monotonic() > ends:
            break
        try:
            module.target(data)
        except Exception as error:
            kept = Path(f"fuzz-{name}-{hashlib.sha256(data).hexdigest()[:16]}.bin")
            kept.write_bytes(data)
            sys.stderr.write(f"{name}: {type(error).__name__}: {str(error)[:500]}\n")
            sys.stderr.write(f"again: python -m tests.fuzz {name} --again {kept}\n")
            return False
        count += 1
    sys.stdout.write(f"{name}: {count} inputs in {seconds:.0f} s from seed {seed}, all stood\n")
    return True


if __name__ == "__main__":
    sys.exit(main())
