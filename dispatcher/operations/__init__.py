"""Kinds of work on files: from the files a user names to results at their places, and what follows from them."""
