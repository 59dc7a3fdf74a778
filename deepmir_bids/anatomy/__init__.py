"""Templates, deep nuclei, brain regions, and the registration that carries them."""
