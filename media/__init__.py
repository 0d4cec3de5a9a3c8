"""What both sides do to media files, knowing nothing of jobs."""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours
