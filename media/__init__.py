"""Reading and writing media files, for both sides; this package knows nothing about jobs."""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours
