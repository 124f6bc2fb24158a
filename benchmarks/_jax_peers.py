"""Recurrent layers of the frameworks on JAX, from named arrays.

Each `of_...` returns the names and shapes of the framework's arrays, and the
function (arrays, xs, lengths) -> outputs. The underscore keeps this off the
list of benchmarks.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

ACTIVATIONS = {
  'elman': 'tanh',
  'elman_relu': 'relu',
  'elman_sigmoid': 'sigmoid',
}


class Wanted(NamedTuple):
  """Recurrent layers, one after the other.

  Attributes:
    module: what the framework calls the layer, as in `layouts.SYSTEMS`.
    cell: what we call it.
    input_size: D.
    hidden_sizes: H of every layer.
    bidirectional: every layer reads both ways, and puts the outputs side by
      side.
    projection: P, or None.
    dtype: 'float32' or 'float64'.
  """

  module: str
  cell: str
  input_size: int
  hidden_sizes: tuple[int, ...]
  bidirectional: bool = False
  projection: int | None = None
  dtype: str = 'float32'

  @property
  def directions(self) -> int:
    return 1 + self.bidirectional

  @property
  def output_size(self) -> int:
    return self.directions * (self.projection or self.hidden_sizes[-1])

  @property
  def sizes(self) -> list[tuple[int, int]]:
    """What every layer reads, and its H."""
    read = [self.directions * size for size in self.hidden_sizes]
    return list(
      zip([self.input_size, *read[:-1]], self.hidden_sizes, strict=True)
    )


def of_linen(wanted: Wanted):
  import flax.linen as nn
  from flax import traverse_util

  make = functools.partial(getattr(nn, wanted.module), **_flax_options(wanted))
  stack, shapes = {}, {}
  for number, (input_size, size) in enumerate(wanted.sizes):
    layer = nn.RNN(make(size), time_major=True)
    if wanted.bidirectional:
      backward = nn.RNN(make(size), time_major=True)
      layer = nn.Bidirectional(layer, backward, time_major=True)
    prefix = f'layer_{number}/' if len(wanted.sizes) > 1 else ''
    stack[prefix] = layer
    x = jax.ShapeDtypeStruct((1, 1, input_size), wanted.dtype)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)['params']
    params = traverse_util.flatten_dict(params, sep='/')
    shapes |= {prefix + name: w.shape for name, w in params.items()}

  def outputs(arrays, xs, lengths=None):
    for prefix, layer in stack.items():
      params = traverse_util.unflatten_dict(_own(arrays, prefix), sep='/')
      xs = layer.apply({'params': params}, xs, seq_lengths=lengths)
    return xs

  return shapes, outputs


def of_nnx(wanted: Wanted):
  from flax import nnx

  def make(input_size, size):
    rngs = nnx.Rngs(0)
    cell = getattr(nnx, wanted.module)(
      input_size, size, rngs=rngs, **_flax_options(wanted)
    )
    return nnx.RNN(cell, time_major=True, rngs=rngs)

  stack, shapes = {}, {}
  for number, sizes in enumerate(wanted.sizes):
    layer = make(*sizes)
    if wanted.bidirectional:
      layer = nnx.Bidirectional(layer, make(*sizes), time_major=True)
    prefix = f'layer_{number}/' if len(wanted.sizes) > 1 else ''
    graph, params, rest = nnx.split(layer, nnx.Param, ...)
    stack[prefix] = graph, rest
    params = {'/'.join(path): w for path, w in nnx.to_flat_state(params)}
    shapes |= {prefix + name: w.shape for name, w in params.items()}

  def outputs(arrays, xs, lengths=None):
    for prefix, (graph, rest) in stack.items():
      params = nnx.from_flat_state(
        {
          tuple(name.split('/')): nnx.Param(array)
          for name, array in _own(arrays, prefix).items()
        }
      )
      layer = nnx.merge(graph, params, rest)
      # Its own generator, drawn from, would change what is traced.
      xs = layer(xs, seq_lengths=lengths, rngs=nnx.Rngs(0))
    return xs

  return shapes, outputs


def _flax_options(wanted):
  # SimpleCell of nnx computes in float32 otherwise.
  options = dict.fromkeys(('dtype', 'param_dtype'), jnp.dtype(wanted.dtype))
  if wanted.cell in ACTIVATIONS:
    options['activation_fn'] = getattr(jax.nn, ACTIVATIONS[wanted.cell])
  if wanted.cell == 'lstm_hard':
    options['gate_fn'] = jax.nn.hard_sigmoid
  return options


def sides(wanted: Wanted) -> tuple[str, ...]:
  """What follows layers/0 in the names, where a list of cells has none."""
  return ('/forward', '/backward') if wanted.bidirectional else ('',)


def _own(arrays, prefix):
  """The arrays whose names begin so, under the rest of their names."""
  return {
    name.removeprefix(prefix): array
    for name, array in arrays.items()
    if name.startswith(prefix)
  }


def of_haiku(wanted: Wanted):
  import haiku

  classes = {'vanilla_rnn': 'VanillaRNN', 'lstm': 'LSTM', 'gru': 'GRU'}
  make = getattr(haiku, classes[wanted.module])

  @haiku.without_apply_rng
  @haiku.transform
  def stack(xs):
    for size in wanted.hidden_sizes:
      ys = []
      for reverse in (False, True)[: wanted.directions]:
        core = make(size)
        carry = core.initial_state(xs.shape[1])
        ys.append(haiku.dynamic_unroll(core, xs, carry, reverse=reverse)[0])
      xs = jnp.concatenate(ys, axis=-1)
    return xs

  def outputs(arrays, xs, lengths):
    del lengths
    params = {}
    for name, array in arrays.items():
      module, _, end = name.rpartition('/')
      params.setdefault(module, {})[end] = array
    return stack.apply(params, xs)

  x = jax.ShapeDtypeStruct((1, 1, wanted.input_size), wanted.dtype)
  params = jax.eval_shape(stack.init, jax.random.key(0), x)
  shapes = {
    f'{module}/{end}': w.shape
    for module, own in params.items()
    for end, w in own.items()
  }
  return shapes, outputs


def of_equinox(wanted: Wanted):
  import equinox

  def make(input_size, size):
    return getattr(equinox.nn, wanted.module)(
      input_size, size, dtype=wanted.dtype, key=jax.random.key(0)
    )

  stack = [
    {f'layers/{number}{side}/': make(*sizes) for side in sides(wanted)}
    for number, sizes in enumerate(wanted.sizes)
  ]
  shapes = {
    prefix + name: getattr(cell, name).shape
    for layer in stack
    for prefix, cell in layer.items()
    for name in ('weight_ih', 'weight_hh', 'bias', 'bias_n')
    if hasattr(cell, name)
  }

  def unrolled(cell, xs, reverse):
    def step(carry, x_t):
      carry = jax.vmap(cell)(x_t, carry)
      return carry, carry[0] if isinstance(carry, tuple) else carry

    zeros = jnp.zeros((xs.shape[1], cell.hidden_size), xs.dtype)
    carry = (zeros, zeros) if wanted.cell == 'lstm' else zeros
    return jax.lax.scan(step, carry, xs, reverse=reverse)[1]

  def outputs(arrays, xs, lengths):
    del lengths
    for layer in stack:
      ys = []
      for prefix, cell in layer.items():
        own = _own(arrays, prefix)
        cell = equinox.tree_at(
          lambda c, own=own: [getattr(c, name) for name in own],
          cell,
          list(own.values()),
        )
        ys.append(unrolled(cell, xs, prefix.endswith('/backward/')))
      xs = jnp.concatenate(ys, axis=-1)
    return xs

  return shapes, outputs
