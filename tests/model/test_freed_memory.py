"""What is freed is used again."""

import subprocess
import sys

COUNT = """
import resource, sys
import numpy as np
from deepmir_bids.model.freed_memory import keep_freed_memory
if sys.argv[1] == 'keep':
    keep_freed_memory()
for i in range(12):
    if i == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(8_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_large_arrays_cost_no_new_pages():
    faults = {
        how: int(subprocess.check_output([sys.executable, '-c', COUNT, how], env={'PATH': ''}))
        for how in ('keep', 'give back')
    }
    assert faults['keep'] < faults['give back'] / 10
