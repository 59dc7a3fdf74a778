"""What can be wrong with a run before it starts; nothing is written until all of it is right."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from deepmir_bids.bids.dataset_description import check_dataset, check_ownership
from deepmir_bids.errors import UsageError
from deepmir_bids.running.disk_room import existing
from deepmir_bids.running.nipype_plugins import read_plugin
from deepmir_bids.settings import Settings

#: Less room than this on a disk is too little for anything.
FREE_GB = 0.1


def check_settings(settings: Settings) -> None:
    """Look at folders, datasets, template, atlas and model.

    Raises
    ------
    UsageError
        Something is wrong; the message names it and says what helps.

    """
    if not settings.bids_dir.is_dir():
        raise UsageError(f'{settings.bids_dir} is not a folder: give the root of a BIDS dataset.')
    _check_datasets(settings)
    _check_reconstruction(settings)
    check_places(settings)
    check_ownership(settings.out_dir)
    if not settings.skip_bids_validation:
        check_dataset(settings.bids_dir)
    _check_files(settings)
    if settings.report is not None:
        check_report(settings.report, settings)
    if settings.use_plugin is not None:
        read_plugin(settings.use_plugin)
    _check_model(settings)
    if not settings.reports_only:
        _check_anatomy(settings)
    for what, folder in _written(settings).items():
        # An index that is there is only read.
        if what != '--bids-database-dir' or not folder.is_dir():
            check_writable(folder, what)


def _check_datasets(settings: Settings) -> None:
    """Each dataset that is read is there, has a name of its own, and is not written to."""
    for name, path in {**settings.derivatives, **settings.brain_mask_from}.items():
        if not path.is_dir():
            raise UsageError(f'{path} ({name}) is not a folder: give the root of a dataset.')
        if path.resolve() == settings.out_dir.resolve():
            raise UsageError(f'out_dir {path} is an input ({name}): choose another.')
    for name in set(settings.derivatives) & set(settings.brain_mask_from):
        if settings.derivatives[name] != settings.brain_mask_from[name]:
            raise UsageError(
                f'--derivatives and --brain-mask-from give two datasets the name {name}: '
                'choose another for one of them.'
            )


def _check_reconstruction(settings: Settings) -> None:
    if not settings.reconstruct_only:
        return
    if settings.reports_only:
        raise UsageError('--reconstruct-only makes no reports: leave --reports-only out.')
    if settings.reconstruct != 'always':
        raise UsageError(
            '--reconstruct-only makes SWI and QSM of every unit: add --reconstruct always.'
        )


def _written(settings: Settings) -> dict[str, Path]:
    """Folders that a run writes to, by what they are called on the command line."""
    folders = {'out_dir': settings.out_dir, '--work-dir': settings.work_dir}
    if settings.bids_database_dir:
        folders['--bids-database-dir'] = settings.bids_database_dir
    return folders


def check_places(settings: Settings) -> None:
    """Outputs may lie in the raw dataset's ``derivatives`` folder, and nowhere else inside it."""
    bids_dir = settings.bids_dir.resolve()
    for what, folder in _written(settings).items():
        inside = folder.resolve()
        if inside == bids_dir:
            raise UsageError(f'{what} {folder} is the BIDS dataset itself: choose another.')
        if bids_dir in inside.parents and inside.relative_to(bids_dir).parts[0] != 'derivatives':
            raise UsageError(
                f'{what} {folder} lies inside the BIDS dataset: only {bids_dir / "derivatives"}/… '
                'may.'
            )
    if settings.work_dir.resolve() == settings.out_dir.resolve():
        raise UsageError('--work-dir and out_dir are the same folder: choose another --work-dir.')


def check_report(path: Path, settings: Settings) -> None:
    """The table of a dry run is a file of its own, in a folder that is there."""
    if not settings.dry_run:
        raise UsageError(f'--report {path} goes with --dry-run: add it, or leave --report out.')
    if path.suffix != '.tsv' or path.is_dir():
        raise UsageError(f'--report {path} is no name of a table: give one that ends in .tsv.')
    if settings.bids_dir.resolve() in path.resolve().parents:
        raise UsageError(f'--report {path} lies inside the BIDS dataset: choose another place.')
    if not os.access(path.parent, os.W_OK | os.X_OK) or _read_only(path.parent):
        raise UsageError(f'--report {path} cannot be written: choose a folder that is there.')


def check_writable(folder: Path, what: str) -> None:
    """Ask whether a folder can be written to, without leaving anything there."""
    there = existing(folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK) or _read_only(there):
        raise UsageError(f'{what} {folder} cannot be written to: choose another with {what}.')
    free_gb = shutil.disk_usage(there).free / 1e9
    if free_gb < FREE_GB:
        raise UsageError(
            f'{what} {folder} has {free_gb:.2f} GB left on its disk: make room or choose another.'
        )


def check_device(settings: Settings) -> None:
    """Ask whether the GPU that was asked for is in this machine; not for a login node.

    Raises
    ------
    UsageError
        If it is not.

    """
    if not settings.device.startswith('cuda'):
        return
    import torch

    number = int(settings.device.partition(':')[2] or 0)
    if number >= torch.cuda.device_count():
        raise UsageError(
            f'--device {settings.device} is not in this machine (torch sees '
            f'{torch.cuda.device_count()} GPUs): give --device cpu, or auto.'
        )


def _read_only(folder: Path) -> bool:
    # Root may write everywhere by permission, but not on a file system that is read-only.
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _check_files(settings: Settings) -> None:
    wanted = {
        '--bids-filter-file': settings.bids_filter_file,
        '--atlas-labels': settings.atlas_labels,
    }
    for option, path in wanted.items():
        if path is not None and not path.is_file():
            raise UsageError(f'{option} {path} is not a file: give one that is there.')


def _check_anatomy(settings: Settings) -> None:
    from deepmir_bids.anatomy.atlas_file import check_atlas
    from deepmir_bids.anatomy.template_choice import ATLASES, check_template

    check_template(settings.template)
    atlas = Path(settings.atlas)
    if settings.atlas_labels is None:
        if atlas.is_file():
            raise UsageError(f'--atlas {atlas} has no names: add --atlas-labels.')
        if settings.atlas not in ATLASES:
            raise UsageError(
                f'--atlas {settings.atlas} is neither a file nor a name: give one of '
                f'{", ".join(ATLASES)}, or a label image with --atlas-labels.'
            )
        return
    if not atlas.is_file():
        raise UsageError(
            f'--atlas-labels goes with a label image, and --atlas {settings.atlas} is none: '
            'give one.'
        )
    check_atlas(atlas, settings.atlas_labels)


def _check_model(settings: Settings) -> None:
    from deepmir_bids.model.model_registry import ModelError, find_model, verify

    try:
        verify(find_model(settings.model))
    except ModelError as error:
        raise UsageError(str(error)) from error
