"""Finishing what was asked for, whoever waits: runs are attended until they have ended and all that follows is done."""
