"""The same head gives the same results: however it is stored, on any number of processes."""

from __future__ import annotations

import shutil

import h5py
import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.simulation.simulated_subject import reorient

pytestmark = pytest.mark.slow

#: One input's voxels begin elsewhere than another's, as scanners and tools have it.
ORDERS = {'T2starw': 'LPI', 'Chimap': 'PSR', 'T2w': 'LAS'}


@pytest.fixture(scope='module')
def anat(one_subject, one_run, tmp_path_factory, deepmir):
    """Results as the head was, and as it was stored in another way and run in another way.

    The first has two processes, of which each step has one thread.
    """
    folder = tmp_path_factory.mktemp('other')
    shutil.copytree(one_subject, folder / 'bids')
    for path in (folder / 'bids' / 'sub-01').rglob('*.nii.gz'):
        order = ORDERS[path.name.removesuffix('.nii.gz').split('_')[-1]]
        image = reorient(nib.load(path), order)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine), path)
    done = deepmir(folder / 'bids', folder, '--sloppy', '--nprocs', '1', '--omp-nthreads', '2')
    assert done.status == one_run.status == 0, done.said
    return [run.out_dir / 'sub-01' / 'anat' for run in (one_run, done)]


def names(folder, *endings):
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(endings))


def test_images_are_the_same_voxel_for_voxel(anat):
    images = names(anat[0], '.nii.gz')
    assert len(images) >= 10
    assert images == names(anat[1], '.nii.gz')
    for name in images:
        first, second = (nib.load(folder / name) for folder in anat)
        assert nib.aff2axcodes(second.affine) == tuple(ORDERS['T2starw'])
        turned = reorient(second, 'RAS')
        np.testing.assert_allclose(first.affine, turned.affine, atol=1e-4)
        np.testing.assert_array_equal(first.get_fdata(), turned.get_fdata(), err_msg=name)


def test_tables_sidecars_and_page_are_the_same(anat):
    files = names(anat[0], '.tsv', '.json')
    assert len(files) >= 10
    assert files == names(anat[1], '.tsv', '.json')
    for name in files:
        first, second = (text_of(folder / name) for folder in anat)
        assert first == second, name
    pages = [(folder.parents[1] / 'sub-01.html').read_text() for folder in anat]
    assert pages[0] == pages[1]


def text_of(table):
    """A table or sidecar; which run it is of is left out."""
    lines = table.read_text().splitlines()
    return [line for line in lines if not line.strip().startswith('"Run": ')]


def test_transforms_are_the_same(anat):
    transforms = names(anat[0], '.h5')
    assert len(transforms) == 2
    for name in transforms:
        first, second = (numbers(folder / name) for folder in anat)
        np.testing.assert_equal(first, second)


def numbers(transform):
    """Every number in a file of transforms; the file itself has the time of its writing."""
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind == 'f':
            found[name] = item[()]

    with h5py.File(transform) as file:
        file.visititems(keep)
    assert found
    return found
