"""A narrated tour of a web application: from a spec to a video with captions and a report."""
