#!/bin/sh
# What `make setup` ends with: how much disk space it has taken, and what to type next.
set -eu

say() { echo "setup: $*" >&2; }

size() { # kilobytes, for people
    awk -v kb="$1" 'BEGIN { if (kb < 1048576) printf "%d MB", kb / 1024; else printf "%.1f GB", kb / 1048576 }'
}

kilobytes() { # what a folder takes; what it shares with an earlier one of the same call is counted there
    du -sk "$@" 2>/dev/null | awk '{ print $1 }'
}

cache=$(.venv/bin/uv cache dir 2>/dev/null || true)
set -- $(kilobytes .venv ${cache:+"$cache"})
say "ready. .venv takes $(size "${1:-0}")${2:+; uv keeps another $(size "$2") of downloads in $cache (.venv/bin/uv cache clean frees it)}"
browsers=${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}
if [ -d "$browsers" ]; then say "Playwright's browsers take $(size "$(kilobytes "$browsers")") in $browsers"; fi
say "next: make demo (records a narrated tour of JupyterLab), or: .venv/bin/gpudrop --help"
