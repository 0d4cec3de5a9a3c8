"""The table of handlers: one folder a kind, each the glue between a work folder and somebody's model."""
