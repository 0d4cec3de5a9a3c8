"""A narrated tour of a web application: spec, narration, actions, capture, director."""
