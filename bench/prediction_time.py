"""Time of the network over one brain, beside what others would take for the same.

    python bench/prediction_time.py --json FILE [--repeats 3] [--nnunet]

The unit is that of bench/unit_time.py with its true brain mask. Beside deepmir's own prediction:

- MONAI's sliding window with the same network, precision and mirroring, in windows as large as
  the patches it learnt from, a quarter of each side in common (its default) or a half;
- nnU-Net's predictor (``pip install nnunetv2``), a network of plain convolutions with fewer
  weights, its usual steps of half a window, mirrored along one axis as deepmir is;
- the processor's own limit: counted multiplications at the rate of a matrix product.

Ratios are of medians; what is compared takes turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from unit_time import SCAN, SEED, machine

from deepmir_bids.lesions.connected_lesions import find_lesions
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model import load_model
from deepmir_bids.model.network_input import Prepared, prepare
from deepmir_bids.model.prediction import Model, fast_precision, meant, predict
from deepmir_bids.simulation.simulated_subject import simulate_subject

#: What deepmir-train cuts out of a brain, and shares of a side that two windows have in common.
WINDOW = (96, 96, 48)
OVERLAPS = (0.25, 0.5)
#: Voxels over which operations are counted: a multiple of the network's stride.
BOX = (64, 64, 48)
#: Channels of nnU-Net's plain U-Net: a third of the weights that the default network has.
PLAIN_CHANNELS = (24, 48, 72)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, required=True)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--nnunet', action='store_true', help='nnunetv2 is installed')
    options = parser.parse_args()
    model = load_model('default')
    prepared, inputs = unit(model)
    ways: dict[str, Callable[[], np.ndarray]] = {'deepmir': lambda: predict(model, prepared.x)}
    for overlap in OVERLAPS:
        ways[f'MONAI, overlap {overlap:g}'] = lambda share=overlap: sliding(model, prepared, share)
    if options.nnunet:
        plain = plain_network()
        ways['nnU-Net'] = lambda: with_nnunet(plain, prepared)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    results = {name: way() for name, way in ways.items()}  # also to warm up
    for _ in range(options.repeats):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begin)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    report = {
        'machine': machine(),
        'threads': torch.get_num_threads(),
        'voxels': list(prepared.x.shape[1:]),
        'seconds': seconds,
        'times_deepmir': {name: value / median['deepmir'] for name, value in median.items()},
        'limit': limit(model, prepared, median['deepmir']),
        'difference': {
            name: differences(model, prepared, inputs, results['deepmir'], result)
            for name, result in results.items()
            if name.startswith('MONAI')
        },
    }
    if options.nnunet:
        count = {'deepmir': model.network, 'nnU-Net': plain}
        report['weights'] = {
            name: sum(p.numel() for p in network.parameters()) for name, network in count.items()
        }
    options.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    print(json.dumps(report, indent=2))


def unit(model: Model) -> tuple[Prepared, tuple[str, ...]]:
    """The images of a unit as the network sees them, and their names."""
    subject = simulate_subject(SEED, SCAN)
    swi, qsm, mask = (
        np.asanyarray(image.dataobj) for image in (subject.swi, subject.qsm, subject.brain_mask)
    )
    return prepare(swi, qsm, None, mask > 0, subject.swi.affine, model.card), ('swi', 'qsm')


def sliding(model: Model, prepared: Prepared, overlap: float) -> np.ndarray:
    """The same with MONAI's sliding window."""
    from monai.inferers import sliding_window_inference

    def of(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():  # which the network's outputs come from
            return sliding_window_inference(
                torch.from_numpy(np.ascontiguousarray(x[None])),
                WINDOW,
                sw_batch_size=1,
                predictor=model.probabilities,
                overlap=overlap,
                mode='gaussian',
                cval=float('nan'),
            )[0].numpy()

    return (of(prepared.x) + of(prepared.x[:, ::-1])[:, ::-1]) / 2


def plain_network() -> torch.nn.Module:
    """nnU-Net's plain U-Net, of fewer weights than the default network."""
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    return PlainConvUNet(
        input_channels=3,
        n_stages=len(PLAIN_CHANNELS),
        features_per_stage=PLAIN_CHANNELS,
        conv_op=torch.nn.Conv3d,
        kernel_sizes=3,
        strides=(1, (2, 2, 1), 2),
        n_conv_per_stage=2,
        num_classes=2,
        n_conv_per_stage_decoder=2,
        conv_bias=True,
        norm_op=torch.nn.InstanceNorm3d,
        norm_op_kwargs={'affine': True},
        nonlin=torch.nn.LeakyReLU,
    ).eval()


def with_nnunet(network: torch.nn.Module, prepared: Prepared) -> np.ndarray:
    """Predict a volume as nnU-Net does, which knows no missing values."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device('cpu'), allow_tqdm=False)
    predictor.network = network
    predictor.configuration_manager = SimpleNamespace(patch_size=WINDOW)
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=2)
    predictor.allowed_mirroring_axes = (0,)
    x = torch.from_numpy(np.nan_to_num(prepared.x))
    with fast_precision('cpu'):
        return predictor.predict_sliding_window_return_logits(x).float().numpy()


def limit(model: Model, prepared: Prepared, seconds: float) -> dict:
    """How much of the time the multiplications alone would take."""
    operations = 2 * count_operations(model, prepared.x)  # the volume and its mirror image
    a = torch.rand(2048, 2048)
    rates = []
    with torch.inference_mode(), fast_precision('cpu'):
        for _ in range(10):
            begin = time.perf_counter()
            a @ a
            rates.append(2 * 2048**3 / (time.perf_counter() - begin))
    rate = statistics.median(rates)
    return {
        'operations': operations,
        'rate': rate,
        'seconds': operations / rate,
        'share': operations / rate / seconds,
    }


def count_operations(model: Model, x: np.ndarray) -> float:
    """Multiplications and additions of the convolutions, by those over a part of the volume."""
    part = torch.zeros(1, len(x), *BOX)
    # With gradients, the layers are not cut into slabs for threads that the counter cannot see.
    with FlopCounterMode(display=False) as counter:
        model.network(part)
    return counter.get_total_flops() * x[0].size / part[0, 0].numel()


def differences(
    model: Model, prepared: Prepared, inputs: tuple[str, ...], own: np.ndarray, other: np.ndarray
) -> dict:
    """How far probabilities are apart in the brain, and how many lesions both have."""
    apart = np.abs(own - other)[:, prepared.brain_mask]
    criteria = DetectionCriteria.of_model(model.card, inputs, 'balanced')
    found = [
        find_lesions(
            meant(model, prepared.x, outputs),
            criteria,
            model.card.spacing_mm,
            brain_mask=prepared.brain_mask,
            iron_mask=prepared.brain_mask,
        )
        for outputs in (own, other)
    ]
    same = sum(
        bool((found[1].labels[found[0].labels == one.index] > 0).any()) for one in found[0].lesions
    )
    return {
        'largest': float(apart.max()),
        'of_a_thousand': float(np.quantile(apart, 0.999)),
        'lesions': [len(one.lesions) for one in found],
        'in_both': same,
    }


if __name__ == '__main__':
    main()
