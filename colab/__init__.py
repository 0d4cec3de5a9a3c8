"""The GPU side: one worker program that serves a drop anywhere."""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours

from gpudrop_start import check_packages

check_packages()
