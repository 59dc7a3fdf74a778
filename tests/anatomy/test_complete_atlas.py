"""Atlases that say little are completed with the built-in shapes."""

import numpy as np
import pytest

from deepmir_bids.anatomy.atlas_structures import Structure, basal_ganglia_indices, read_structures
from deepmir_bids.anatomy.complete_atlas import complete_atlas
from deepmir_bids.errors import InputError

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
    atlas = (
        Structure(6, 'left putamen', 'deep', 'putamen'),
        Structure(8, 'brainstem', '', 'brainstem'),
    )
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
    atlas = (Structure(1, 'Left-Cerebral-Cortex', 'lobar', 'cerebral cortex'),)
    completed, _ = complete_atlas(labels, AFFINE, atlas, np.ones(SHAPE, bool))
    assert not (completed == 1).any()


def test_table_of_an_atlas(tmp_path):
    table = tmp_path / 'dseg.tsv'
    table.write_text('index\tname\themi\n0\tbackground\t\n9\tGlobus Pallidus externa\tL\n')
    (pallidum,) = read_structures(table)
    assert pallidum == Structure(9, 'left Globus Pallidus externa', '', 'pallidum')
    assert basal_ganglia_indices([pallidum]) == [9]


def test_a_table_may_give_the_kind(tmp_path):
    table = tmp_path / 'dseg.tsv'
    table.write_text('index\tname\tkind\tregion\n1\tNd\tDentate\tn/a\n2\tGPe\tn/a\tdeep\n')
    assert read_structures(table) == (
        Structure(1, 'Nd', '', 'dentate'),
        Structure(2, 'GPe', 'deep', 'pallidum'),
    )


def test_a_hypothalamus_is_no_thalamus():
    """The thalamus beside it is drawn."""
    labels = np.zeros(SHAPE, int)
    labels[17:20, 25:27, 14:16] = 27
    atlas = (
        Structure(27, 'left Hypothalamus', 'deep', ''),
        Structure(23, 'left Ventral Pallidum', 'deep', ''),
    )
    completed, structures = complete_atlas(labels, AFFINE, atlas, np.ones(SHAPE, bool))
    by_index = {structure.index: structure.name for structure in structures}
    assert by_index[_at(completed, -12, -18, 8)] == 'left thalamus'
    assert by_index[_at(completed, -20, -4, -1)] == 'left pallidum'
    assert all(by_index[i] != 'left Ventral Pallidum' for i in basal_ganglia_indices(structures))


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('index\tlabel\n1\ta\n', 'no column name'),
        ('index\tname\n1\ta\n1\tb\n', 'index 1 more than once'),
        ('index\tname\tregion\n1\ta\tcortical\n', 'region that is not known \\(cortical'),
        ('index\tname\tkind\n1\ta\tputamem\n', 'kind that is not known \\(putamem'),
        ('index\tname\n1.5\ta\n', 'index that is no whole number \\(1.5'),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, match):
    table = tmp_path / 'dseg.tsv'
    table.write_text(text)
    with pytest.raises(InputError, match=match):
        read_structures(table)
