"""From the text of the steps to verified clips: cached ones, and those that a worker speaks."""
