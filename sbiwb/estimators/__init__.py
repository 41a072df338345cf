"""One estimator a file; the module's name is the estimator's name."""
