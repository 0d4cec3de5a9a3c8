"""Starting a worker on this machine, and building the package of a worker that others start. Not for jobs."""
