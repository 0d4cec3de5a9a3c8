"""The dashboard: pages over the run database, for the person at this machine. It decides nothing about jobs itself."""
