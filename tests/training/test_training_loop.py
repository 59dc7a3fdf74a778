"""Training ends, learns, and goes on after an interruption as if there had been none."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from deepmir_bids.model.network_choice import build
from deepmir_bids.model.prediction import Model
from deepmir_bids.training import hard_places
from deepmir_bids.training.checkpoint import TrainingProgress
from deepmir_bids.training.hard_places import mine
from deepmir_bids.training.learner import Learner
from deepmir_bids.training.patch_sampling import sample_batch
from deepmir_bids.training.teaching_methods import METHODS
from deepmir_bids.training.training_loop import CHECKPOINT, batches, train
from deepmir_bids.training.training_plan import Plan
from deepmir_bids.training.untrained_card import make_plan


@pytest.fixture(autouse=True)
def _small_patches(monkeypatch):
    monkeypatch.setattr('deepmir_bids.training.patch_sampling.PATCH', (24, 24, 12))


def plan(**changes):
    return Plan(
        **{'steps': 8, 'batch': 2, 'validations': 1, 'save_every': 4, 'mine_every': 4, **changes}
    )


def test_the_schedule_warms_up_and_ends_at_zero():
    long = Plan(steps=1000, warmup_steps=100)
    rates = [long.learning_rate(TrainingProgress(step)) for step in (0, 50, 100, 999)]
    assert rates[0] < rates[1] < rates[2]
    assert rates[3] < 0.01 * rates[2]
    assert Plan(steps=1000, seconds=10).fraction(TrainingProgress(1, 5.0)) == 0.5
    assert Plan(steps=10).fraction(TrainingProgress(20)) == 1.0


def test_a_gpu_learns_from_more_at_once():
    plans = [make_plan(None, 0, sloppy=False, fine_tuning=False, device=name)
             for name in ('cpu', 'cuda')]  # fmt: skip
    assert plans[0].batch == Plan.batch < plans[1].batch
    assert plans[0].steps == plans[1].steps


def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    card, subject, tmp_path, monkeypatch
):
    torch.set_num_threads(1)
    folder = _folder(tmp_path, 'whole')
    whole, progress = train(card, [replace(subject)], [subject], plan(), folder)
    assert progress.step == 8
    assert math.isfinite(progress.history[-1]['loss'])

    broken = _folder(tmp_path, 'broken')
    real = Learner.step

    def interrupted(learner, batch, progress):
        if progress.step == 6:
            raise KeyboardInterrupt
        return real(learner, batch, progress)

    monkeypatch.setattr(Learner, 'step', interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(card, [replace(subject)], [subject], plan(), broken)
    monkeypatch.setattr(Learner, 'step', real)
    assert (broken / CHECKPOINT).is_file()
    # Read anew, as after a real interruption: what was mined by then comes from the checkpoint.
    resumed, after = train(card, [replace(subject)], [subject], plan(), broken)
    assert after.history[-1]['loss'] == progress.history[-1]['loss']
    for a, b in zip(
        whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_batches_follow_from_their_step_and_end_where_something_else_is_due(subject):
    some = plan(steps=100, look_every=3)
    ahead = list(batches([subject], METHODS[3], some, 1))
    assert len(ahead) == 2
    expected = sample_batch([subject], some.batch, np.random.default_rng((some.seed, 2)))
    for one, other in zip(ahead[1], expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    assert some.pause(98) == 99
    assert some.pause(99) == 100


def test_batches_are_cut_on_one_thread_each_and_the_rest_is_left_to_learning(subject):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen = []

    def sample(*_):
        seen.append(torch.get_num_threads())

    list(batches([subject], replace(METHODS[3], sample=sample), plan(steps=8), 0))
    assert set(seen) == {1}
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.mark.slow
def test_it_learns(card, subject, tmp_path):
    _, progress = train(
        card, [subject], [subject], plan(steps=150, batch=4, warmup_steps=10), tmp_path
    )
    assert progress.history[-1]['CMB sensitivity'] == 1
    assert progress.history[-1]['iron sensitivity'] == 1


def test_mining_remembers_false_positives(card, subject, tmp_path):
    model, _ = train(card, [subject], [subject], plan(steps=1), tmp_path)
    with torch.no_grad():
        model.network.head.bias.fill_(3.0)  # everything is a lesion
    for target in subject.target:
        target[:] = 0
    subject.lesions = dict.fromkeys(subject.lesions, np.empty((0, 3), int))
    mine(model, [subject], plan(), seed=1)
    centre = torch.tensor(subject.prepared.x.shape[1:]) // 2
    nearest = torch.as_tensor(subject.hard).sub(centre).abs().sum(dim=1).min()
    assert nearest <= 6


def test_true_lesions_and_iron_elsewhere_are_not_hard(card, subject, monkeypatch):
    i, j, k = np.array(subject.prepared.brain_mask.shape) // 2
    outputs = np.zeros((2, *subject.prepared.brain_mask.shape), np.float32)
    outputs[0, i : i + 2, j, k] = 0.9  # a false CMB, ...
    for place in subject.lesions['CMB']:
        outputs[(0, *place)] = 0.9  # ... the true ones, ...
    outputs[1, i, j, k + 4] = 0.9  # ... and iron where there is none to be found
    subject.areas['iron'][..., k + 4] = False
    monkeypatch.setattr(hard_places, 'predict', lambda *_, **__: outputs)
    model = Model(card, build(card.network['name'], card.network['arguments']))
    places = hard_places.false_places(model, subject, card.inputs)
    np.testing.assert_array_equal(places, [[i, j, k]])


def _folder(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    return folder
