"""What both sides do to media files, knowing nothing of jobs."""
