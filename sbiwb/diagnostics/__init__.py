"""One diagnostic a file; the module's name is the diagnostic's name."""
