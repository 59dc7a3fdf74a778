"""Atlases that say little are completed with the built-in shapes."""

import numpy as np
import pytest

from deepmir_bids.anatomy.atlas_structures import Structure, basal_ganglia_indices, read_structures
from deepmir_bids.anatomy.complete_atlas import complete_atlas

AFFINE = np.diag([4.0, 4, 4, 1])
AFFINE[:3, 3] = -72, -104, -64
SHAPE = (36, 44, 36)


def _at(labels, *mm):
    voxel = np.linalg.inv(AFFINE) @ [*mm, 1]
    return labels[tuple(np.rint(voxel[:3]).astype(int))]


def test_every_voxel_is_named_and_the_atlas_keeps_its_own():
    labels = np.zeros(SHAPE, int)
    labels[10:13, 25:29, 15:18] = 6  # about the left putamen
    labels[16:20, 15:20, 5:12] = 8
    atlas = (Structure(6, 'left putamen', 'deep'), Structure(8, 'brainstem', ''))
    brain = np.zeros(SHAPE, bool)
    brain[2:-2, 2:-2, 2:-2] = True
    completed, structures = complete_atlas(labels, AFFINE, atlas, brain)
    by_index = {structure.index: structure for structure in structures}
    assert set(np.unique(completed[brain])) <= set(by_index)
    assert not completed[~brain].any()
    assert (completed[labels == 6] == 6).all()
    assert by_index[8].region == 'infratentorial'
    assert by_index[_at(completed, -40, 40, 15)].name == 'left frontal lobe'
    assert by_index[basal_ganglia_indices(structures)[0]].name == 'left putamen'
    # The atlas has a putamen, so none is drawn around it.
    assert not any(s.kind == 'putamen' and s.index >= 100 for s in structures)
    # It has no red nucleus: drawn over its brainstem or beside it.
    assert {'left red nucleus', 'right red nucleus'} <= {s.name for s in structures}


def test_coarse_labels_give_way_to_lobes():
    labels = np.ones(SHAPE, int)
    atlas = (Structure(1, 'left cerebral cortex', 'lobar'),)
    completed, _ = complete_atlas(labels, AFFINE, atlas, np.ones(SHAPE, bool))
    assert not (completed == 1).any()


def test_table_of_an_atlas(tmp_path):
    table = tmp_path / 'dseg.tsv'
    table.write_text('index\tname\themi\n0\tbackground\t\n9\tGlobus Pallidus externa\tL\n')
    (pallidum,) = read_structures(table)
    assert pallidum == Structure(9, 'left Globus Pallidus externa', '')
    assert pallidum.in_basal_ganglia


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('index\tlabel\n1\ta\n', 'no column name'),
        ('index\tname\n1\ta\n1\tb\n', 'index 1 more than once'),
        ('index\tname\tregion\n1\ta\tcortical\n', 'region that is not known: cortical'),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, match):
    table = tmp_path / 'dseg.tsv'
    table.write_text(text)
    with pytest.raises(ValueError, match=match):
        read_structures(table)
