"""The norms that a model puts before its mixers and its head."""

from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Root mean square 1, with a learned scale (Zhang, Sennrich, 2019, arXiv 1910.07467)."""

    def __init__(self, d_model: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(d_model, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


class LayerNorm(nn.Module):
    """Mean 0 and variance 1, with a learned scale and shift (Ba et al., 2016, arXiv 1607.06450)."""

    def __init__(self, d_model: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)
