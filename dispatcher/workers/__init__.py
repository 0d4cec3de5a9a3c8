"""Starting a worker on this machine, and packing the one that others start. Nothing here knows what a job is."""
