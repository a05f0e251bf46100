"""What training asks of a model: less than :class:`mad.model.Model`, so that it names no part of one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from torch import Tensor
from torch.nn import Parameter

from mad.shapes import Logits


class CausalModel(Protocol):
    """A torch module from tokens to hidden states, each a function of the tokens up to it, and a head."""

    training: bool

    __call__: Callable[..., Any]

    def logits(self, hidden: Tensor) -> Logits:
        """The head, for any selection of hidden states."""

    def parameters(self) -> Iterator[Parameter]:
        """As of torch.nn.Module, like the rest."""

    def train(self, mode: bool = ...) -> Any:
        """Dropout on or off."""

    def state_dict(self) -> dict[str, Any]:
        """Weights and buffers by name."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Takes over weights and buffers."""
