"""Figures and pages: plain functions."""
