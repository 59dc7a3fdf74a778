"""A cohort as jobs of a cluster: which units are left to do, and the scripts that do them."""
