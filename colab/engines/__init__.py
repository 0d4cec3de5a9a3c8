"""What the engines of every kind share: the registry that chooses one, devices, and models that stay in memory."""
