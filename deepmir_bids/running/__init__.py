"""The engine of a run: units, a Nipype graph, its plugin, progress, failures and records."""
