"""Films worked on piece by piece, each a checkpoint: for every handler that encodes for long. It knows no kind."""
