"""CLIP and BLIP."""
