"""One sampler a file; the module's name is the sampler's name."""
