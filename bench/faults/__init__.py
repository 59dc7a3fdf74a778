"""Faults, one kind a module, done to the real command; ``make faults`` runs them all."""
