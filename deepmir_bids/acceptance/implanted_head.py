"""One head with lesions put in: which of them are found, and what is found without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.acceptance.lesion_pictures import (
    LesionPicture,
    picture_findings,
    picture_missed,
)
from deepmir_bids.acceptance.prepared_head import PreparedHead, see
from deepmir_bids.acceptance.site_traits import measure_traits
from deepmir_bids.anatomy.atlas_structures import basal_ganglia_indices
from deepmir_bids.evaluation.judged_findings import judged_by_masks, own_thresholds
from deepmir_bids.evaluation.lesion_outcomes import list_outcomes
from deepmir_bids.evaluation.truth_pairs import Case
from deepmir_bids.lesions.connected_lesions import class_map, find_lesions
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.lesions.truth_matching import index_lesions
from deepmir_bids.model.model_registry import OPERATING_POINTS, ModelCard
from deepmir_bids.reconstruction.swi_of_echoes import amounts_to
from deepmir_bids.simulation.implanted_dataset import ImplantPlan, draws_of, metadata_of
from deepmir_bids.simulation.implanted_subject import (
    ImplantedSubject,
    RegisteredHead,
    implant_subject,
)
from deepmir_bids.simulation.real_scan import b0_in_image, read_acquisition

if TYPE_CHECKING:
    from deepmir_bids.bids.unit_of_work import Unit
    from deepmir_bids.evaluation.site_thresholds import Judged
    from deepmir_bids.model.prediction import Model
    from deepmir_bids.settings import Settings

#: Tells a finding, found again at another point, by its place.
PLACE = ('class', 'x', 'y', 'z')


@dataclass(frozen=True)
class HeadResult:
    """What the test of one head gave; it holds no images.

    ``implants`` and ``findings`` are rows of `acceptance_tables.IMPLANTS` and ``FINDINGS``: the
    lesions put in that can be seen, and what is found in the images as they are. ``judged`` has
    the findings of each class that was tested in the images with lesions, for a choice of
    thresholds. ``pictures`` are of the first findings, and of the largest lesions that the
    balanced point missed (`lesion_pictures`). ``note`` says what the test went without, and
    ``whole`` whether the head's anatomy was known.
    """

    label: str
    inputs: tuple[str, ...]
    whole: bool
    note: str
    implants: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    judged: dict[str, Judged]
    traits: dict[str, float]
    pictures: dict[str, list[LesionPicture]]


def examine(
    head: PreparedHead, settings: Settings, plan: ImplantPlan, model: Model, device: str
) -> HeadResult:
    """Put lesions into a head, look for them, and list what is found with and without them.

    Raises
    ------
    InputError
        If echo time or field strength of its SWI are not known.

    """
    implanted = implant(head, settings, plan)
    images = {**head.images, **implanted.images}
    case = replace(
        head.case,
        truth=np.asarray(implanted.truth.dataobj).astype(np.uint8),
        probabilities=see(images, head.case.brain_mask, settings, model, device),
    )
    # Lesions of the person's own are no false findings, and there to be found as well.
    lesions = replace(case, truth=np.where(case.truth > 0, case.truth, head.confirmed))
    judged = judged_by_masks(
        lesions, own_thresholds(model.card, head.inputs), f'sub-{head.unit.subject}'
    )
    implants, findings = _implants(head, case, model.card), _findings(head, model.card)
    found = at_point(head.case, model.card, head.inputs, OPERATING_POINTS[0]).found
    return HeadResult(
        label=head.label,
        inputs=head.inputs,
        whole=not head.why_no_anatomy,
        note=_note(head, implanted),
        implants=implants,
        findings=findings,
        judged={name: judged[name] for name in head.classes},
        traits=_traits(head),
        pictures={
            'missed': picture_missed(implants, images, case.truth),
            'findings': picture_findings(findings, head.images, found),
        },
    )


def implant(head: PreparedHead, settings: Settings, plan: ImplantPlan) -> ImplantedSubject:
    """Put lesions into a head's images, on the grid of its SWI and by its own anatomy."""
    unit, swi = head.unit, head.images['swi']
    acquisition = read_acquisition(
        swi,
        unit.swi,  # type: ignore[arg-type]
        _metadata(unit, settings),
        plan.scan,
        masked=not unit.swi_stands_in,
    )
    place = RegisteredHead(
        head.case.brain_mask,
        head.case.structures,
        np.eye(4) if 't2w' in head.images else None,
        qsm_fits=True,
    )
    return implant_subject(
        head.images,
        acquisition,
        place,
        head.names,
        draws_of(unit, plan.seed),
        microbleeds=plan.microbleeds,
        b0_direction=b0_in_image(acquisition, plan.scan),
    )


def _metadata(unit: Unit, settings: Settings) -> dict[str, Any]:
    """What is known of the scan of an SWI; one that is made amounts to a later echo."""
    known = metadata_of(unit, 'swi', settings)
    if 'swi' not in unit.made or unit.echoes is None:
        return known
    return {
        **known,
        'EchoTime': amounts_to(unit.echoes.echo_times_s),
        'MagneticFieldStrength': unit.echoes.field_t,
    }


def at_point(case: Case, card: ModelCard, inputs: tuple[str, ...], point: str) -> Case:
    """A case with what is found at an operating point."""
    criteria = DetectionCriteria.of_model(card, inputs, point)
    found = find_lesions(
        case.probabilities,
        criteria,
        case.zooms,
        brain_mask=case.brain_mask,
        iron_mask=case.iron_area,
    )
    return replace(case, found=class_map(found.labels, found.lesions), criteria=criteria)


def _note(head: PreparedHead, implanted: ImplantedSubject) -> str:
    notes = list(implanted.notes)
    if head.why_no_anatomy:
        notes.append(
            'No nuclei: iron was not tested, and regions are not known; the brain was told by its '
            f'signal. The app itself did not do it: {head.why_no_anatomy}'
        )
    return ' '.join(notes)


def _implants(head: PreparedHead, case: Case, card: ModelCard) -> list[dict[str, Any]]:
    """A row for each lesion put in, with whether it is found at each point."""
    rows: dict[tuple, dict[str, Any]] = {}
    for point in OPERATING_POINTS:
        for outcome in _outcomes(head, case, card, point):
            if outcome['outcome'] != 'FP':
                row = rows.setdefault(_key(outcome), _row(head, outcome))
                row[point] = outcome['outcome'] == 'TP'
    return list(rows.values())


def _findings(head: PreparedHead, card: ModelCard) -> list[dict[str, Any]]:
    """A row for each finding in the images as they are, with the strictest point it reaches.

    Findings are those of the lowest thresholds. Outlines differ from point to point, and centres
    with them: what is found at a stricter one is told by its voxels.
    """
    maps = {point: at_point(head.case, card, head.inputs, point).found
            for point in OPERATING_POINTS}  # fmt: skip
    outcomes = _outcomes(head, head.case, card, OPERATING_POINTS[0])
    rows = []
    for name in head.classes:
        labels = index_lesions(maps[OPERATING_POINTS[0]] == CLASSES[name])
        reaches: dict[int, str] = {}
        for point, found in maps.items():  # from the lowest threshold up
            reaches |= dict.fromkeys(np.unique(labels[found == CLASSES[name]]).tolist(), point)
        confirmed = set(np.unique(labels[head.confirmed == CLASSES[name]]).tolist())
        of_class = [outcome for outcome in outcomes if outcome['class'] == name]
        rows += [
            _row(head, outcome)
            | {
                'probability': outcome['probability'],
                'reaches': reaches[index],
                'confirmed': index in confirmed,
            }
            for index, outcome in enumerate(of_class, start=1)
        ]
    return rows


def _outcomes(head: PreparedHead, case: Case, card: ModelCard, point: str) -> list[dict[str, Any]]:
    # At which other thresholds a lesion is found is not asked.
    outcomes = list_outcomes(
        at_point(case, card, head.inputs, point), {name: {} for name in CLASSES}
    )
    return [outcome for outcome in outcomes if outcome['class'] in head.classes]


def _row(head: PreparedHead, outcome: Mapping[str, Any]) -> dict[str, Any]:
    kept = (*PLACE, 'region', 'structure', 'diameter_mm', 'size')
    return {
        'unit': head.label,
        **{name: outcome[name] for name in kept},
        'inputs': '+'.join(head.inputs),
    }


def _key(outcome: Mapping[str, Any]) -> tuple:
    return tuple(outcome[name] for name in PLACE)


def _traits(head: PreparedHead) -> dict[str, float]:
    qsm = head.images.get('qsm')
    return measure_traits(
        head.images['swi'].get_fdata(dtype=np.float32),
        None if qsm is None else qsm.get_fdata(dtype=np.float32),
        head.case.brain_mask,
        np.isin(head.case.structures, basal_ganglia_indices(head.names)),
        tuple(head.case.zooms),
    )
