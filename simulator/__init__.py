"""Runs the production code of both sides many times, on virtual time, over a memory drop with fault injection.

Nothing here knows the protocol: only the machines (time, chance, crashes) and the channel are simulated. It may import
every package; only the command line imports it.
"""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours
