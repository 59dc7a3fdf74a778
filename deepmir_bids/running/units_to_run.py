"""Which units can be run, and with which template and atlas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.model.model_registry import ModelError, find_model, read_card
from deepmir_bids.settings import Settings

if TYPE_CHECKING:
    from deepmir_bids.anatomy.template_choice import Anatomy


def unsuited(settings: Settings, units: Iterable[Unit]) -> dict[str, str]:
    """Units that lack an image which the model needs, and what it is."""
    card = read_card(find_model(settings.model))
    lacking = {}
    for unit in units:
        try:
            card.check_inputs(unit.inputs)
        except ModelError as error:
            lacking[unit.label] = str(error)
    return lacking


def choose_anatomy(settings: Settings, cache_dir: Path) -> Anatomy:
    """Template and atlas of the run: as asked for, or built in where they cannot be had."""
    from deepmir_bids.anatomy.template_choice import find_anatomy

    file = Path(settings.atlas) if settings.atlas_labels else None
    return find_anatomy(
        settings.template,
        atlas_label(file) if file else settings.atlas,
        cache_dir,
        atlas_file=file,
        atlas_labels=settings.atlas_labels,
    )


def foresee_anatomy(settings: Settings, cache_dir: Path) -> Anatomy:
    """What `choose_anatomy` would give, as far as it can be told in no time.

    Nothing is drawn, and no structures are given, unless the user's own atlas has to be looked at.
    """
    from deepmir_bids.anatomy.template_choice import find_sources

    if settings.atlas_labels:
        return choose_anatomy(settings, cache_dir)
    return find_sources(settings.template, settings.atlas).anatomy_in(cache_dir, ())


def atlas_label(file: Path) -> str:
    """Return an atlas's name as BIDS takes it: the file's ``atlas-`` entity, or its own name.

    Examples
    --------
    >>> atlas_label(Path('tpl-X_atlas-CIT168_dseg.nii.gz')), atlas_label(Path('my_own.nii'))
    ('CIT168', 'myown')

    """
    entity = re.search(r'(?:atlas|seg)-([A-Za-z0-9]+)', file.name)
    return entity.group(1) if entity else re.sub(r'[^A-Za-z0-9]', '', file.name.split('.')[0])
