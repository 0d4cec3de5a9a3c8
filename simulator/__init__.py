"""Runs the production code of both sides on virtual time over a memory drop with weather, again and again.

Nothing here knows the protocol: what is simulated is the machines (time, chance, crashes) and the channel. May import
everybody; nobody but the command line imports it.
"""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours
