"""Slides: what a spec says of them, the one HTML file they become, and their showing while a take is filmed."""
