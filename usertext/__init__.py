"""Text for people, worded once for both sides: secrets removed from it, what is wrong with a value, how to install."""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours
