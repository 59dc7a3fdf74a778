"""Pieces of a page: templates that escape all text, and images inside the page itself."""

from __future__ import annotations

import base64
import io
from functools import cache
from typing import Any

import jinja2
import numpy as np

from deepmir_bids.data import load as load_data
from deepmir_bids.imaging.large_volumes import slabwise

#: A page never calls another machine, whatever text from data it shows.
CONTENT_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; font-src data:; connect-src data: blob:"
)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(load_data('web')),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies['json.dumps_kwargs'] = {'ensure_ascii': False}
    return environment


def render(template: str, **values: Any) -> str:
    """Fill a template of ``data/web``; all text in ``values`` is escaped."""
    return _environment().get_template(template).render(**values)


def web_text(name: str) -> str:
    """Text of a style sheet or script of ``data/web``."""
    return load_data('web', name).read_text(encoding='utf-8')


def to_bytes(picture: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Grey levels 0 to 255 (uint8) of an array, between the values shown as black and white."""
    low, high = limits

    def grey(picture: np.ndarray) -> np.ndarray:
        span = (np.nan_to_num(picture, nan=low) - low) / ((high - low) or 1)
        return np.round(255 * np.clip(span, 0, 1))

    return slabwise(grey, picture, dtype=np.uint8)


def png_uri(grey: np.ndarray) -> str:
    """``data:`` address of a PNG of grey levels (uint8, row 0 on top)."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, 'PNG', optimize=True)
    return data_uri(buffer.getvalue(), 'image/png')


def data_uri(content: bytes, kind: str) -> str:
    """``data:`` address of a file of that MIME type."""
    return f'data:{kind};base64,{base64.b64encode(content).decode()}'
