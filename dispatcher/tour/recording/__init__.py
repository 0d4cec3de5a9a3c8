"""Recording and rehearsing the steps of a tour, one take for each step."""
