"""Recurrent layers of other frameworks, computed from named arrays.

The frameworks are imported where they are needed. The underscore keeps this off
the list of benchmarks.
"""

import contextlib
import importlib.util
import os
import tempfile
import warnings

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import _jax_peers
from seqjax import exchange

# What has to be installed.
NEEDS = {
  'torch': ('torch',),
  'keras': ('keras',),
  'linen': ('flax',),
  'nnx': ('flax',),
  'haiku': ('haiku',),
  'equinox': ('equinox',),
  'onnx': ('onnx', 'onnxruntime'),
}
# These read every row to its end.
WITHOUT_LENGTHS = ('haiku', 'equinox')


def is_installed(system: str) -> bool:
  return all(map(importlib.util.find_spec, NEEDS[system]))


@contextlib.contextmanager
def _usual_modes():
  """Our tests are stricter than other frameworks are."""
  with jax.numpy_dtype_promotion('standard'), jax.numpy_rank_promotion('allow'):
    yield


@_usual_modes()
def peer(system: str, wanted: _jax_peers.Wanted):
  """The layers in a framework.

  Returns:
    name -> shape of their arrays, as the framework names them; and a function
    (arrays, xs, lengths, weigh) -> (outputs, gradients). The gradients are
    those of sum(weigh * outputs), by the names of the arrays and 'inputs', or
    None where the framework has none. Everything is [T, B, ...]; lengths are
    [B], and `weigh` is 0 in the padding.
  """
  if system == 'torch':
    return of_torch(wanted)
  if system == 'onnx':
    return of_onnx(wanted)
  of = {
    'keras': of_keras,
    'linen': _jax_peers.of_linen,
    'nnx': _jax_peers.of_nnx,
    'haiku': _jax_peers.of_haiku,
    'equinox': _jax_peers.of_equinox,
  }[system]
  shapes, outputs = of(wanted)
  return shapes, _differentiated(outputs)


def _differentiated(outputs):
  def loss(arrays, xs, lengths, weigh):
    ys = outputs(arrays, xs, lengths)
    return jnp.sum(weigh * ys), ys

  program = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))

  @_usual_modes()
  def run(*arguments):
    (_, ys), (gradients, d_xs) = program(*arguments)
    return ys, gradients | {'inputs': d_xs}

  return run


def torch_module(wanted: _jax_peers.Wanted):
  import torch

  options = {}
  if wanted.module == 'rnn':
    options['nonlinearity'] = _jax_peers.ACTIVATIONS[wanted.cell]
  if wanted.projection:
    options['proj_size'] = wanted.projection
  return getattr(torch.nn, wanted.module.upper())(
    wanted.input_size,
    wanted.hidden_sizes[0],
    len(wanted.hidden_sizes),
    bidirectional=wanted.bidirectional,
    dtype=getattr(torch, wanted.dtype),
    **options,
  )


def of_torch(wanted: _jax_peers.Wanted):
  import torch

  rnn = torch.nn.utils.rnn
  module = torch_module(wanted)

  def run(arrays, xs, lengths, weigh):
    module.load_state_dict({k: torch.tensor(v) for k, v in arrays.items()})
    module.zero_grad()
    inputs = torch.tensor(xs, requires_grad=True)
    packed = rnn.pack_padded_sequence(
      inputs, torch.tensor(lengths), enforce_sorted=False
    )
    with warnings.catch_warnings():
      # A projection is computed without oneDNN, and says so.
      warnings.simplefilter('ignore', UserWarning)
      packed, _ = module(packed)
    outputs, _ = rnn.pad_packed_sequence(packed)
    (torch.tensor(weigh) * outputs).sum().backward()
    gradients = {k: w.grad.numpy() for k, w in module.named_parameters()}
    return outputs.detach().numpy(), gradients | {'inputs': inputs.grad.numpy()}

  return {k: tuple(w.shape) for k, w in module.named_parameters()}, run


def of_keras(wanted: _jax_peers.Wanted):
  os.environ['KERAS_BACKEND'] = 'jax'  # Read when it is imported.
  import keras

  options = {'dtype': wanted.dtype, 'return_sequences': True}
  activation = _jax_peers.ACTIVATIONS.get(wanted.cell, 'tanh')
  if (activation, wanted.dtype) == ('tanh', 'float64'):
    activation = _tanh64(keras)
  options['activation'] = activation
  if wanted.cell == 'lstm_hard':
    options['recurrent_activation'] = 'hard_sigmoid'
  if wanted.module == 'gru':
    options['reset_after'] = wanted.cell == 'gru'
  classes = {'simple_rnn': 'SimpleRNN', 'lstm': 'LSTM', 'gru': 'GRU'}
  make = getattr(keras.layers, classes[wanted.module])
  keras.utils.clear_session()  # It counts its names on: lstm, lstm_1.
  model = keras.Sequential()
  for size in wanted.hidden_sizes:
    layer = make(size, zero_output_for_mask=True, **options)
    if wanted.bidirectional:
      layer = keras.layers.Bidirectional(layer, dtype=wanted.dtype)
    model.add(layer)
  model.build((None, None, wanted.input_size))
  shapes = {w.path: tuple(w.shape) for w in model.weights}

  def outputs(arrays, xs, lengths):
    rest = [arrays[path] for path in shapes]
    ys = jnp.swapaxes(xs, 0, 1)
    mask = jnp.arange(len(xs))[None] < lengths[:, None]
    for layer in model.layers:
      count = len(layer.trainable_variables)
      own, rest = rest[:count], rest[count:]
      # For dropout, which is off.
      seeds = [v.value for v in layer.non_trainable_variables]
      ys, _ = layer.stateless_call(own, seeds, ys, mask=mask)
    return jnp.swapaxes(ys, 0, 1)

  return shapes, outputs


def _tanh64(keras):
  """Keras' own rounds to float32; Bidirectional looks it up by its name."""

  @keras.saving.register_keras_serializable()
  def tanh64(x):
    return jnp.tanh(x)

  return tanh64


def of_onnx(wanted: _jax_peers.Wanted):
  """Runs files of ours in onnxruntime, which has no gradients."""
  import onnxruntime

  from seqjax.exchange import onnx_file

  gates = {'RNN': 1, 'LSTM': 4, 'GRU': 3}[wanted.module]
  shapes = {}
  for number, (input_size, size) in enumerate(wanted.sizes):
    shapes_here = {
      'W': (gates * size, input_size),
      'R': (gates * size, size),
      'B': (2 * gates * size,),
    }
    if wanted.cell == 'lstm_peephole':
      shapes_here['P'] = (3 * size,)
    for side in _jax_peers.sides(wanted):
      shapes |= {
        f'layers/{number}{side}/{k}': v for k, v in shapes_here.items()
      }

  def run(arrays, xs, lengths, weigh):
    del weigh
    network = exchange.load(
      'onnx',
      arrays,
      cell=wanted.cell,
      bidirectional=wanted.bidirectional,
      double_bias=True,
    )
    with tempfile.TemporaryDirectory() as folder:
      path = os.path.join(folder, 'model.onnx')
      onnx_file.write(path, network)
      kept = onnx_file.read(path)
      if kept.cell != wanted.cell or kept.bidirectional != wanted.bidirectional:
        raise ValueError(f'{wanted} came back as {kept}.')
      # So that what runs are these numbers.
      np.testing.assert_equal(kept.arrays, arrays)
      session = onnxruntime.InferenceSession(
        path, providers=['CPUExecutionProvider']
      )
    inputs = {'x': xs, 'lengths': lengths.astype(np.int32)}
    return session.run(['outputs'], inputs)[0], None

  return shapes, run
