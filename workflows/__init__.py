"""Nipype graphs: wiring only."""
