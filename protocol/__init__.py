"""What both machines must agree on: messages, names, states and rules.

Knows nobody of ours, and does no I/O outside `transports/`.
"""
