#!/bin/sh
# Say what set-up has made, how much room it takes, and what to do next.
set -eu
room=$(du -sh .venv 2>/dev/null | cut -f1)
browsers=${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}
echo "setup: done; .venv takes $room on this disk" >&2
if [ -d "$browsers" ]; then
    echo "setup: $(du -sh "$browsers" | cut -f1) of browsers are in $browsers" >&2
fi
echo "setup: next, film the example tour: make demo" >&2
echo "setup: or look around: .venv/bin/gpudrop --help" >&2
