"""What both sides do to a text that is to be spoken. Pure rules: nothing here knows of jobs, engines or sound."""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours
