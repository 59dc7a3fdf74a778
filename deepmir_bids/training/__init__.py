"""Sampling, losses, loops and cross-validation."""
