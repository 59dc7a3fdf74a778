"""Volume and susceptibility of structures."""

import numpy as np
import pytest

from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.anatomy.structure_measures import measure_structures

STRUCTURES = (
    Structure(3, 'left putamen', 'deep', 'putamen'),
    Structure(7, 'cortex', 'lobar', ''),
)


def labelled():
    labels = np.zeros((4, 4, 4), dtype=np.int16)
    labels[:2, 0, 0] = 3
    labels[0, 1, 1] = 7
    return labels


def test_volume_and_susceptibility_of_each_structure():
    qsm = np.zeros((4, 4, 4))
    qsm[0, 0, 0], qsm[1, 0, 0] = 0.1, 0.3
    table = measure_structures(labelled(), STRUCTURES, np.diag([-0.5, 1, 2, 1]), qsm)
    putamen, cortex = table.to_dict('records')
    assert list(table.columns[:4]) == ['index', 'name', 'kind', 'region']
    assert list(putamen.values())[:4] == [3, 'left putamen', 'putamen', 'deep']
    assert list(table['kind'].isna()) == [False, True]
    assert putamen['volume_mm3'] == pytest.approx(2.0)
    assert putamen['chi_mean_ppm'] == pytest.approx(0.2)
    assert putamen['chi_sd_ppm'] == pytest.approx(0.1)
    # Zero is outside the region where the QSM was measured.
    assert cortex['volume_mm3'] == pytest.approx(1.0)
    assert np.isnan(cortex['chi_mean_ppm'])


def test_without_a_qsm_there_is_no_susceptibility():
    table = measure_structures(labelled(), STRUCTURES, np.eye(4), None)
    assert table['chi_mean_ppm'].isna().all()
    assert list(table['volume_mm3']) == [2, 1]
