"""Assembling a video: clips and narration in, one mp4 with chapters and captions out. Imports only media and errors."""
