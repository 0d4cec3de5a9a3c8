"""What both machines must agree on: messages, names, states and rules.

Imports none of our other packages, and does no I/O outside `transports/`.
"""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours
