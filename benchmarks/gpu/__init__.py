"""Engines at their real size on an NVIDIA GPU, with random weights: each skips with one line where there is none."""
