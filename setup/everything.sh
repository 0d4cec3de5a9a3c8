#!/bin/sh
# Make or refresh .venv-all from requirements/everything.txt, with PyTorch in it: for `make test-all` alone.
# It has the interpreter and the installer of .venv. Safe to run again at any time.
set -eu

needed_gb=12 # 7 on disk, and what the installer holds while it unpacks

say() { echo "setup: $*" >&2; }

free_gb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
if ! [ -d .venv-all ] && [ "$free_gb" -lt "$needed_gb" ]; then
    say ".venv-all holds PyTorch and needs $needed_gb GB here; $free_gb GB are free. Make room, or run: make test"
    exit 6
fi
if ! .venv-all/bin/python -c '' >/dev/null 2>&1; then
    say "making .venv-all with $(.venv/bin/python --version)"
    .venv/bin/uv venv -q --clear --python .venv/bin/python .venv-all >&2
fi
say "installing what requirements/everything.txt locks (about 3 GB to download, if it is not in uv's cache)"
VIRTUAL_ENV=$PWD/.venv-all .venv/bin/uv pip sync -q --require-hashes requirements/everything.txt >&2
VIRTUAL_ENV=$PWD/.venv-all .venv/bin/uv pip install -q --no-deps --no-build-isolation -e . >&2
