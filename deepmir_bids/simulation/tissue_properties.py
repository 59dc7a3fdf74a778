"""What the tissues of a head are like: susceptibility, relaxation and contrast."""

import numpy as np
from scipy import ndimage

from deepmir_bids.anatomy.deep_nuclei import nuclei
from deepmir_bids.simulation.image_grid import smooth_noise
from deepmir_bids.simulation.random_head import OUTER, Head

#: Susceptibility in ppm relative to water-like tissue (qsm-forward's table, after Marques et al.,
#: Magn Reson Med 2021;86:526); bone and fat are working values.
CHI_PPM = {'gm': 0.020, 'wm': -0.030, 'csf': 0.019, 'air': 9.2, 'bone': -2.0, 'fat': 0.5}

#: R2* at 3 T in 1/s; grey and white matter from T2* of 66 and 53 ms, the others working values.
R2STAR_3T = {
    'gm': 15.0,
    'wm': 19.0,
    'csf': 3.0,
    'bone': 400.0,
    'marrow': 70.0,
    'fat': 40.0,
    'muscle': 35.0,
    'fluid': 3.0,
}

#: R2* that one ppm of iron adds at 3 T, in 1/s.
R2STAR_PER_PPM_3T = 137.0

#: Non-haem iron at age t in mg/100 g, a (1 - exp(-b t)) + c (Hallgren & Sourander 1958), and a
#: fixed susceptibility for the nuclei that they do not give.
IRON = {
    'putamen': (14.62, 0.04, 0.46),
    'caudate': (9.66, 0.05, 0.33),
    'pallidum': (21.41, 0.09, 0.37),
}
PPM_PER_MG_100G = 0.009
NUCLEUS_PPM = {
    'red nucleus': 0.100,
    'substantia nigra': 0.111,
    'subthalamic nucleus': 0.100,
    'dentate': 0.152,
    'thalamus': 0.020,
    'accumbens': 0.040,
}


def relaxation_scale(field_t: float) -> float:
    """Return how much faster R2* is than at 3 T: mostly, not wholly, proportional to the field."""
    return 0.25 + 0.75 * field_t / 3


def nucleus_susceptibility(kind: str, age: float) -> float:
    """Return a nucleus' usual susceptibility in ppm at an age in years."""
    if kind in IRON:
        a, b, c = IRON[kind]
        return PPM_PER_MG_100G * (a * (1 - np.exp(-b * age)) + c)
    return NUCLEUS_PPM[kind]


def iron_map(head: Head, rng: np.random.Generator) -> np.ndarray:
    """Return the nuclei's susceptibility in ppm, with the variation that people have.

    A person's load, each nucleus', each side's, a gradient along the nucleus and a patchy texture
    all vary: a deposit must be told from a nucleus that is merely rich in iron.
    """
    spacing = head.grid.spacing[0]
    values = np.zeros(max(n.index for n in nuclei()) + 1, dtype=np.float32)
    person = rng.normal(0, 0.22)
    spread = {n.kind: rng.normal(0, 0.15) for n in nuclei()}
    for n in nuclei():
        log = person + spread[n.kind] + rng.normal(0, 0.07)
        values[n.index] = nucleus_susceptibility(n.kind, head.age) * np.exp(log)
    iron = values[head.nucleus]
    patchy = rng.uniform(0.1, 0.35) * smooth_noise(head.grid.shape, 2.5 / spacing, rng)
    gradient = -rng.uniform(0, 0.025) * head.mni[1] + rng.normal(0, 0.01) * head.mni[2]
    iron *= np.exp(patchy + np.clip(gradient, -0.5, 0.5)).astype(np.float32)
    return ndimage.gaussian_filter(iron, 0.6 / spacing)


def white_matter_damage(head: Head, rng: np.random.Generator) -> np.ndarray:
    """Return the share of each voxel's white matter that is hyperintense on a T2w, 0 to 1.

    Caps and bands around the ventricles and patches elsewhere, the more the older.
    """
    spacing = head.grid.spacing[0]
    distance = ndimage.distance_transform_edt(~head.ventricles) * spacing
    load = rng.normal((head.age - 75) / 15, 0.8)
    patches = smooth_noise(head.grid.shape, 5 / spacing, rng)
    level = patches + 3 * np.exp(-distance / 5) + load - 3.2
    return (np.clip(level, 0, 1) * head.wm * (head.nucleus == 0)).astype(np.float32)


def susceptibility_map(head: Head, iron: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the head's susceptibility in ppm, air included."""
    texture = 0.006 * smooth_noise(head.grid.shape, 2 / head.grid.spacing[0], rng)
    chi = CHI_PPM['gm'] * head.gm + CHI_PPM['wm'] * head.wm + CHI_PPM['csf'] * head.csf
    chi += (texture * (head.gm + head.wm) + iron).astype(np.float32)
    for tissue in ('air', 'bone', 'fat'):
        chi[head.outer == OUTER[tissue]] = CHI_PPM[tissue]
    return chi


def relaxation_map(head: Head, iron: np.ndarray, field_t: float) -> np.ndarray:
    """Return R2* in 1/s at a field strength."""
    rate = sum(R2STAR_3T[t] * getattr(head, t) for t in ('gm', 'wm', 'csf'))
    rate = rate + np.float32(R2STAR_PER_PPM_3T) * iron
    for tissue, value in OUTER.items():
        if tissue in R2STAR_3T:
            rate[head.outer == value] = R2STAR_3T[tissue]
    return (rate * relaxation_scale(field_t)).astype(np.float32)


def contrast_map(
    head: Head, levels: dict[str, float], grain: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a map of intensities by tissue, with a patchy texture of relative size ``grain``."""
    image = sum(levels[t] * getattr(head, t) for t in ('gm', 'wm', 'csf'))
    for tissue, value in OUTER.items():
        if tissue != 'brain':
            image[head.outer == value] = levels[tissue]
    spacing = head.grid.spacing[0]
    texture = smooth_noise(image.shape, 1.7 / spacing, rng) + smooth_noise(
        image.shape, 5 / spacing, rng
    )
    return (image * np.exp(np.float32(0.7 * grain) * texture)).astype(np.float32)


def gradient_echo_levels(rng: np.random.Generator) -> dict[str, float]:
    """Draw a gradient echo's intensities at TE = 0 (proton density and T1 weighting)."""
    return {
        'gm': float(rng.uniform(0.80, 0.95)),
        'wm': float(rng.uniform(0.72, 0.85)),
        'csf': float(rng.uniform(0.55, 1.05)),
        'air': 0.0,
        'bone': 0.05,
        'marrow': float(rng.uniform(0.2, 0.5)),
        'fat': float(rng.uniform(0.3, 0.9)),
        'muscle': float(rng.uniform(0.4, 0.6)),
        'fluid': float(rng.uniform(0.5, 0.95)),
    }


def spin_echo_levels(rng: np.random.Generator) -> dict[str, float]:
    """Draw a T2w's intensities."""
    csf = float(rng.uniform(0.85, 1.1))
    return {
        'gm': float(rng.uniform(0.45, 0.58)),
        'wm': float(rng.uniform(0.30, 0.42)),
        'csf': csf,
        'air': 0.0,
        'bone': 0.04,
        'marrow': float(rng.uniform(0.2, 0.5)),
        'fat': float(rng.uniform(0.4, 0.95)),
        'muscle': float(rng.uniform(0.15, 0.3)),
        'fluid': csf * float(rng.uniform(0.8, 1)),
    }
