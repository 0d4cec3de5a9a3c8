"""What holds for every test: no worker that a test starts looks for model files on the internet."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # workers in processes of their own inherit it
