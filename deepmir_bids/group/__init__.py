"""The group level: a cohort's outputs, summed up."""
