"""What is freed is used again, and given back at the end."""

import json
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from deepmir_bids.model.freed_memory import keep_freed_memory

def faults():
    for i in range(12):
        if i == 2:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(8_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with keep_freed_memory():
    with keep_freed_memory():
        pass
    kept = faults()
print([kept, faults()])
"""

RESIDENT = """
import numpy as np
from deepmir_bids.model import load_model
from deepmir_bids.model.prediction import predict

def resident(field):
    with open('/proc/self/status') as lines:
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(field))

model = load_model()
model.network.exact = True  # in float32: some processors would halve it
x = np.random.default_rng(0).normal(size=(3, 160, 176, 80)).astype(np.float32)
before = resident('VmRSS')
predict(model, x, threads=2, mirror=False)
print([resident('VmHWM') - before, resident('VmRSS') - before])
"""

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='glibc alone has these settings')


def run(script):
    return json.loads(subprocess.check_output([sys.executable, '-c', script], env={'PATH': ''}))


def test_large_arrays_cost_no_new_pages_inside_alone():
    kept, given_back = run(FAULTS)
    assert kept < given_back / 10


def test_a_prediction_gives_its_memory_back():
    peak, afterwards = run(RESIDENT)
    assert peak > 400, 'the volume is large enough to tell'
    # What stays: code of oneDNN, some of it compiled at its first use, and unused ends of arenas.
    assert afterwards < peak / 3
