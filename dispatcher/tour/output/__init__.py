"""From takes and clips to the finished video, its captions and its report."""
