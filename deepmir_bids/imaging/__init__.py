"""Grids, intensity, phase, SWI and QSM: plain functions of arrays."""
