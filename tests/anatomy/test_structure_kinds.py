"""Kinds of structures, in the spellings of many atlases."""

import subprocess
import sys

import pytest

from deepmir_bids.anatomy.brain_regions import brain_structures
from deepmir_bids.anatomy.structure_kinds import KINDS, kind_of

NAMES = {
    'caudate': ('left caudate', 'Left-Caudate', 'Caudate_L', 'RCaudate', 'pCAU-rh', 'CaudateL'),
    'putamen': ('right putamen', 'Putamen_R', 'aPUT-lh', 'LeftPutamen', 'PUTAMEN'),
    'pallidum': (
        'left Globus Pallidus externa', 'GPe', 'GPi_L', 'GlobusPallidusInterna', 'Pallidum_R',
        'Right-Pallidum', 'aGP-rh',
    ),
    'accumbens': ('Left-Accumbens-area', 'Nucleus Accumbens', 'N_Acc_L', 'NAc-shell-rh'),
    'thalamus': ('Left-Thalamus-Proper', 'Thal_VL_L', 'THA-DP-rh', 'Reticular thalamic nucleus'),
    'subthalamic nucleus': ('right Subthalamic Nucleus', 'STN', 'Sub-thalamic nucleus', 'STh_L'),
    'substantia nigra': (
        'Substantia-Nigra-pars-reticulata', 'SN_pc_L', 'Left-Substancia-Nigra', 'SNr',
    ),
    'red nucleus': ('right Red Nucleus', 'Red_N_L', 'RN'),
    'dentate': ('left dentate', 'Cerebellum Dentate nucleus R'),
    'brainstem': ('brainstem', 'Brain-Stem'),
    'cerebellum': ('Left-Cerebellum-Cortex', 'Left-Cerebellum-White-Matter', 'Cerebelum_3_L'),
    'cerebral white matter': ('Left-Cerebral-White-Matter',),
    'cerebral cortex': ('Left Cerebral Cortex ',),
    'lateral ventricle': ('Left Lateral Ventrical', 'Left-Inf-Lat-Vent'),
    'insula': ('ctx-lh-insula',),
    '': (
        'Hypothalamus', 'HypoThalamus', 'Epithalamus', 'Extended Amygdala', 'Ventral Pallidum',
        'VentralPallidum_L', 'Dentate gyrus', 'ParaHippocampal_L', 'Subthalamus', 'wm-lh-insula',
        'Anterior thalamic radiation L', 'ctx-lh-caudalmiddlefrontal', '', 'Area 4a',
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ('kind', 'name'), [(kind, name) for kind, names in NAMES.items() for name in names]
)
def test_kind_of_a_name(kind, name):
    assert kind_of(name) == kind


def test_what_is_built_in_is_known():
    for structure in brain_structures():
        assert structure.kind in KINDS
        assert kind_of(structure.name) == structure.kind


def test_it_is_cheap_to_import():
    """The group level reads ten thousand tables with it."""
    heavy = "{'numpy', 'pandas', 'nibabel'} & set(sys.modules)"
    code = f'import sys, deepmir_bids.anatomy.structure_kinds; sys.exit(len({heavy}))'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
