"""Slides: rendering a deck to one HTML file, the times of its slides, and showing them during a recording."""
