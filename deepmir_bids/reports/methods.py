"""What a run does, in words that can be pasted into a paper."""

from __future__ import annotations

from deepmir_bids import __version__
from deepmir_bids.data import load as load_data
from deepmir_bids.model.model_registry import ModelCard


def methods_text(card: ModelCard, template: str, atlas: str, operating_point: str) -> str:
    """Describe a run in Markdown, with its references."""
    return (
        load_data('methods.md')
        .read_text(encoding='utf-8')
        .format(
            version=__version__,
            template=template,
            atlas=atlas,
            model=card.name,
            sha256=card.sha256[:12],
            operating_point=operating_point,
            training=card.training.get('data', 'data that its card does not name'),
        )
    )
