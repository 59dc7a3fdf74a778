"""Which input files a unit has; names, sidecars and description of the outputs."""
