"""One likelihood a file; the module's name is the likelihood's name."""
