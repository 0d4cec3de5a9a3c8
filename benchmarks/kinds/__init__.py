"""Each kind against what a user would run instead, in one run: `python -m benchmarks.kinds`."""
