"""`python -m dispatcher.cli`: the same as `gpudrop`, wherever that is installed."""

from __future__ import annotations

from dispatcher.cli import main

if __name__ == "__main__":
    main()
