"""One file a page. Each reads what it shows and fills a template; what changes a run is done by `Acts`."""
