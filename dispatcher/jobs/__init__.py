"""A job from its submission to its accepted result: prepare, send, wait, explain, verify, accept, clean up."""
