"""Cuts the film: takes and narration in, one mp4 with chapters and captions out. Imports only media and the errors."""
