"""The sending machine: submits jobs to a drop, verifies the results and finishes the film here."""
