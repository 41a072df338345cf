"""How far apart two sets of draws are; one distance a file, pure functions of arrays."""
