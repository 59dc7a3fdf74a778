"""Find cerebral microbleeds and basal ganglia iron in SWI, QSM and T2w images."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version('deepmir-bids')
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = '0+unknown'

#: The images a unit may bring, in the order of the network's channels. SWI is always channel 0.
INPUTS = ('swi', 'qsm', 't2w')

#: Lesion class and its value in every class map: a label image holds 0 where there is none.
CLASSES = {'CMB': 1, 'iron': 2}
