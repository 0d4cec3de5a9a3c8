#!/bin/sh
# Make or refresh .venv from requirements/all.txt: `sh setup/venv.sh [interpreter]`. Safe to run again at any time.
set -eu

say() { echo "setup: $*" >&2; }

usable() { # the interpreter runs, and is one of those that the lock was made for
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1
}

pick() {
    for candidate in python3.12 python3.11 python3.13 python3; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "no python3 at all")
    say "needs Python 3.11, 3.12 or 3.13; found $found."
    say "install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name one: make setup PYTHON=/path/to/python3.12"
    exit 6
}

add_venv_module() { # Debian ships Python without the part that makes virtual environments
    package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "$python cannot make virtual environments; apt-get install $package"
        apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >&2
    else
        say "$python cannot make virtual environments. Run: sudo apt-get install $package"
        exit 6
    fi
}

python=${1:-}
if [ -z "$python" ]; then
    python=$(pick)
elif ! usable "$python"; then
    say "PYTHON=$python is not Python 3.11, 3.12 or 3.13: $("$python" --version 2>&1 || true)"
    exit 6
fi

if ! usable .venv/bin/python; then
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || add_venv_module
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements/uv.txt)" ]; then
    say "installing uv"
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt >&2
fi
say "installing what requirements/all.txt locks"
VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip sync -q --require-hashes requirements/all.txt >&2
VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip install -q --no-deps --no-build-isolation -e . >&2
