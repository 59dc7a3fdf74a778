"""The acceptance test of a site: lesions put into its own images, and what deepmir finds."""
