"""The GPU side: one worker program that serves a drop anywhere."""
