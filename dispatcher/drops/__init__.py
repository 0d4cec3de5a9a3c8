"""Drops as this machine uses them: finding or making one, and which workers are seen there. Jobs are in `jobs/`."""
