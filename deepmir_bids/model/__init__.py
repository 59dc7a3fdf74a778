"""Networks, the registry of weights, and prediction over a volume."""
