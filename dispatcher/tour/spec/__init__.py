"""The spec of a tour: its models, reading and checking it, and making one from other formats. Opens no page."""
