"""From the scanner's magnitude and phase: local field, susceptibility, SWI."""
