"""How much memory steps ask for: as much as they take, so that Nipype runs no more than fit."""

from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import pytest

from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.scanned_echoes import RawEchoes
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.step_memory import step_memory
from deepmir_bids.workflows.whole_app import init_unit_wf

COMMON, FINE = (256, 256, 80), (640, 640, 240)


@pytest.fixture
def unit_of(tmp_path):
    """Return a function that makes a unit of images of some shape, of which there are headers."""

    def make(shape) -> Unit:
        header = nib.Nifti1Header()
        header.set_data_shape(shape)
        path = tmp_path / f'sub-01_{shape[0]}.nii'
        path.write_bytes(header.binaryblock + bytes(4))
        return Unit('01', swi=path, qsm=path, t2w=path, brain_mask=path)

    return make


@pytest.mark.parametrize('made', [(), ('swi', 'qsm')])
def test_each_step_asks_for_what_it_takes(unit_of, tmp_path, made):
    (tmp_path / 'out').mkdir()
    settings = Settings(tmp_path, tmp_path / 'out', tmp_path / 'work')
    paths = {name: tmp_path / name for name in ('template_brain', 'brain_mask', 'labels')}
    structures = (Structure(1, 'left putamen', 'deep', 'putamen'),)
    anatomy = Anatomy('MNI', 'atlas', (), structures=structures, **paths)
    unit = unit_of(FINE)
    if made:
        echoes = RawEchoes(((unit.swi, unit.qsm),), ('mag', 'phase'), (0.02,), 3.0)
        unit = replace(unit, echoes=echoes, made=made)
    workflow = init_unit_wf(settings, anatomy, unit)
    memory = step_memory(unit)
    asked = {
        node.name: node.mem_gb
        for node in map(workflow.get_node, workflow.list_node_names())
        if not node.run_without_submitting and not node.name.endswith('putnode')
    }
    alike = dict.fromkeys(('plot_magnitude', 'plot_field'), 'plot_brain')
    assert asked == {name: memory[alike.get(name, name)] for name in asked}
    assert {alike.get(name, name) for name in asked} == set(memory)


def test_memory_follows_the_size_of_the_images(unit_of):
    common, fine = step_memory(unit_of(COMMON)), step_memory(unit_of(FINE))
    assert max(common.values()) < 3
    assert 4 < max(fine.values()) < 8
