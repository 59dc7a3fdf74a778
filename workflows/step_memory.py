"""Memory that the steps of a unit ask for, by the size of its images."""

from __future__ import annotations

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.imaging.large_volumes import count_voxels

#: What the processes of a step take with all that they import.
PROCESS_GB = 0.7
#: Bytes for each voxel of the largest image, beside that (measured: 640 x 640 x 240 voxels).
BYTES_A_VOXEL = {
    'load_swi': 12,
    'load_t2w': 12,
    'load_qsm': 16,
    'load_mask': 12,
    'fit_mask': 16,
    'choose_head': 16,
    'correct_t2w': 16,
    'align_t2w': 36,
    'register': 36,
    'label_swi': 36,
    'check_contrast': 12,
    'level_slices': 16,
    'measure_anatomy': 20,
    't2w_grid': 20,
    'fit_qsm': 24,
    'qsm_grid': 20,
    'convert_chi': 16,
    'predict': 12,
    'find': 26,
    'measure': 24,
    'text_pieces': 4,
    'lesion_pieces': 26,
    'plot_brain': 20,
    'plot_structures': 20,
    'plot_nuclei': 20,
    'blend': 20,
}
#: The network has a grid of its own, however fine the images are.
NETWORK_GB = 2.0
#: Bytes for each voxel of maps that are made, and of each echo that they are made of (estimated).
MAP_BYTES, ECHO_BYTES = 150, 40


def step_memory(unit: Unit) -> dict[str, float]:
    """Memory of each step of a unit in GB, by its name."""
    voxels = max(count_voxels(getattr(unit, name)) for name in unit.inputs)
    memory = {name: PROCESS_GB + number * voxels / 1e9 for name, number in BYTES_A_VOXEL.items()}
    memory['predict'] += NETWORK_GB
    if unit.made and unit.echoes:
        echoes = ECHO_BYTES * len(unit.echoes.echo_times_s)
        memory['combine'] = PROCESS_GB + echoes * voxels / 1e9
        memory['reconstruct'] = PROCESS_GB + (MAP_BYTES + echoes) * voxels / 1e9
    return memory
