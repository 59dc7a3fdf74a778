"""Thin Nipype nodes around the functions of deepmir_bids."""
