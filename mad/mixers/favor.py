"""FAVOR+: positive random features whose products estimate the softmax kernel.

Each feature is the exponential of a random projection; in expectation the product of two feature vectors
is exp(q . k). Orthogonal projections lower the variance; circulant ones cost O(m log m) instead of O(m K).

*Equations* (Choromanski et al., *Rethinking Attention with Performers*, 2021, arXiv 2009.14794, lemma 1)

    phi(x)_i = exp(w_i . x - |x|^2 / 2) / sqrt(m),   w_i ~ N(0, I_K)              (1)

circulant (Yu et al., *Circulant Binary Embedding*, 2014, arXiv 1405.3162, eq. 4):

    [w_i . x]_i = circ(r) D x = irfft(rfft(r) * rfft(D x))                          (2)

*Glossary*: m is n_features; W is projection (m K), one for all heads; r is `row` (H m), learned; D is
`signs`, a fixed diagonal of random signs (H m); x is padded with zeros from K to m.

*Departures*: no maximum is subtracted (it would make features token-local, or break the law); instead the
input is multiplied by `scale`. K**-0.25 gives the kernel exp(q . k / sqrt(K)).
"""

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from mad.mixers.features import Features
from mad.shapes import HeadShape

MOST_FEATURES = 2**20


class RandomFeatures(Features):
    """Equation (1) for any projection."""

    def __init__(self, shape: HeadShape, *, n_features: int, scale: float | None) -> None:
        super().__init__(shape)
        if n_features < 1:
            raise ValueError(f"n_features must be 1 or more, not {n_features}; 64 is a common choice")
        if n_features > MOST_FEATURES:
            raise ValueError(
                f"n_features must be {MOST_FEATURES:,} or less, not {n_features}; 64 is a common choice"
            )
        self.width = n_features
        self.scale = shape.key_width**-0.25 if scale is None else scale

    @abstractmethod
    def project(self, x: Tensor) -> Tensor:
        """w_i . x for every feature i: (B T H K) to (B T H m)."""

    def content(self, x: Tensor) -> Tensor:
        x = x * self.scale
        exponent = self.project(x) - x.square().sum(-1, keepdim=True) / 2
        return exponent.exp() / math.sqrt(self.width)


class Favor(RandomFeatures):
    """Dense projections, orthogonal within each block of K features, fixed for the run."""

    projection: Tensor

    def __init__(self, shape: HeadShape, *, n_features: int, scale: float | None = None) -> None:
        super().__init__(shape, n_features=n_features, scale=scale)
        self.register_buffer("projection", _orthogonal_rows(n_features, shape.key_width))

    def project(self, x: Tensor) -> Tensor:
        return x @ self.projection.T


class CirculantFavor(RandomFeatures):
    """Equation (2): circulant projections by FFT, with a learned row per head."""

    signs: Tensor

    def __init__(self, shape: HeadShape, *, n_features: int, scale: float | None = None) -> None:
        super().__init__(shape, n_features=n_features, scale=scale)
        if n_features < shape.key_width:
            raise ValueError(
                f"a circulant projection needs n_features ({n_features}) of at least the key width; "
                f"set features.n_features to {shape.key_width} or more"
            )
        if shape.n_kv_heads != shape.n_heads:
            raise ValueError("circulant features have a row per head; set n_kv_heads to null")
        self.row = nn.Parameter(torch.randn(shape.n_heads, n_features))
        self.register_buffer("signs", torch.randint(2, (shape.n_heads, shape.key_width)) * 2.0 - 1)

    def project(self, x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(self.row) * torch.fft.rfft(x * self.signs, n=self.width)
        return torch.fft.irfft(spectrum, n=self.width)


def _orthogonal_rows(n_rows: int, width: int) -> Tensor:
    """Rows that are orthogonal in blocks of `width`, with the lengths of Gaussian rows."""
    blocks = [torch.linalg.qr(torch.randn(width, width))[0].T for _ in range(math.ceil(n_rows / width))]
    lengths = torch.randn(n_rows, width).norm(dim=1, keepdim=True)
    return torch.cat(blocks)[:n_rows] * lengths
