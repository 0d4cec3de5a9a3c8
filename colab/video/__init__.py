"""Jobs on videos: encoded segment by segment, each a checkpoint, then joined. It knows no kind."""
