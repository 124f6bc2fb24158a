"""Weights to and from torch, Keras, Flax, haiku, equinox and ONNX."""

from seqjax.exchange.convert import dump, load
from seqjax.exchange.layouts import SYSTEMS
from seqjax.exchange.network import Dense, Network

__all__ = ['SYSTEMS', 'Dense', 'Network', 'dump', 'load']
