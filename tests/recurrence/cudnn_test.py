"""The engine `cudnn` beside `scan`, with JAX's reference in cuDNN's place.

No test has a GPU: what is checked is all that stands around the one call. The
call itself is traced, and run by `python -m seqjax.doctor` where it can be.
"""

import functools
import types
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from closeness import assert_close
from examples import (
  EVERYWHERE,
  MASK,
  NOWHERE,
  B,
  D,
  H,
  T,
  draw,
  example,
  mostly_slow,
)
from jax.experimental import rnn

from seqjax import cells, errors, layers, recurrence
from seqjax.recurrence import cudnn

MASKS = {
  'mask': MASK,
  'everywhere': EVERYWHERE,
  'nowhere': NOWHERE,
  'none': None,
}


def reference(xs, h_0, c_0, weights, lengths):
  """What cuDNN computes, garbage at length 0 included."""
  layer = xs.shape[-1], h_0.shape[-1], 1
  return rnn.lstm_ref(
    xs,
    h_0,
    c_0,
    *rnn.unpack_lstm_weights(weights, *layer, False),
    lengths,
    *layer,
    0.0,
    False,
  )


@jax.custom_vjp
def untidy(xs, h_0, c_0, weights, lengths):
  """As `reference`, with NaN past each row's length, and all over at a 0."""
  ys, h, c = reference(xs, h_0, c_0, weights, lengths)
  return _spoil(ys, lengths), h, c


def _spoil(x, lengths):
  valid = jnp.arange(T)[None] < lengths[:, None]
  return jnp.where(valid[..., None] & (lengths.min() > 0), x, jnp.nan)


def _untidy_backward(inputs, cotangents):
  *floats, lengths = inputs
  _, pull = jax.vjp(lambda *floats: reference(*floats, lengths), *floats)
  d_xs, *rest = pull(cotangents)
  return _spoil(d_xs, lengths), *rest, None


untidy.defvjp(lambda *inputs: (untidy(*inputs), inputs), _untidy_backward)


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch):
  monkeypatch.setattr(cudnn, 'has_device', lambda: True)
  monkeypatch.setattr(cudnn, 'lstm_layer', reference)


@functools.partial(jax.jit, static_argnums=(0, 1))
def run(engine, reverse, params, xs, carry, mask):
  """Results, and the gradients of a number that every result enters."""

  def unrolled(params, xs, carry):
    return recurrence.unroll(
      cells.lstm(),
      params,
      xs,
      carry,
      mask=mask,
      reverse=reverse,
      engine=engine,
    )

  results, pull = jax.vjp(unrolled, params, xs, carry)
  leaves, structure = jax.tree.flatten(results)
  weights = [draw(x.shape, 100 + seed) for seed, x in enumerate(leaves)]
  return results, pull(structure.unflatten(weights))


class TestContract:
  @pytest.mark.parametrize(
    'mask, reverse',
    mostly_slow([('mask', True), ('none', False)], MASKS, (False, True)),
  )
  def test_values_and_gradients_are_those_of_scan(self, mask, reverse):
    params, xs, carry, _ = example('lstm')
    ours, exact = (
      run(engine, reverse, params, xs, carry, MASKS[mask])
      for engine in ('cudnn', 'scan')
    )
    assert_close(ours, exact)

  @pytest.mark.parametrize('reverse', mostly_slow([(True,)], (False, True)))
  def test_garbage_in_the_padding_changes_no_bit(self, reverse):
    params, xs, carry, _ = example('lstm')
    clean, dirty = (
      run(
        'cudnn',
        reverse,
        params,
        jnp.where(MASK[..., None], xs, padding),
        carry,
        MASK,
      )
      for padding in (0, jnp.nan)
    )
    jax.tree.map(np.testing.assert_array_equal, clean, dirty)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(dirty))

  @pytest.mark.parametrize('reverse', mostly_slow([(True,)], (False, True)))
  def test_padding_is_zero_and_the_carry_is_kept_bit_for_bit(self, reverse):
    params, xs, carry, _ = example('lstm')
    ys, last, every = run('cudnn', reverse, params, xs, carry, MASK)[0]
    np.testing.assert_array_equal(np.asarray(ys)[~MASK], 0)
    # The last row has no valid step.
    for name in ('h', 'c'):
      kept = getattr(carry, name)[-1]
      np.testing.assert_array_equal(getattr(last, name)[-1], kept)
      np.testing.assert_array_equal(
        getattr(every, name)[:, -1], np.stack([kept] * T)
      )

  @pytest.mark.parametrize('reverse', mostly_slow([(True,)], (False, True)))
  def test_what_cudnn_leaves_in_the_padding_is_not_read(
    self, monkeypatch, reverse
  ):
    """Garbage there in results and gradients, as in memory never written."""
    params, xs, carry, _ = example('lstm')
    plain = run('cudnn', reverse, params, xs, carry, MASK)
    monkeypatch.setattr(cudnn, 'lstm_layer', untidy)
    # As `run`, which is compiled already, without untidiness.
    dirty = jax.jit(functools.partial(run.__wrapped__, 'cudnn', reverse))(
      params, xs, carry, MASK
    )
    assert_close(dirty, plain)

  @pytest.mark.slow
  def test_two_directions_and_two_layers(self):
    xs = draw((T, B, D), 0)
    make = functools.partial(
      layers.Recurrent, cells.lstm(), (H, H + 1), bidirectional=True
    )
    params = make().init(jax.random.key(0), xs)

    def value_and_grad(engine):
      def loss(params):
        result = make(engine=engine).apply(params, xs, mask=MASK)
        return sum((x * x).sum() for x in jax.tree.leaves(result))

      return jax.jit(jax.value_and_grad(loss))(params)

    assert_close(*map(value_and_grad, ('cudnn', 'scan')))


class CudnnTest(parameterized.TestCase):
  def unroll(self, cell=None, dtype=jnp.float32, **options):
    params, xs, carry, _ = example('lstm')
    params = jax.tree.map(
      lambda p: p.astype(dtype) if p.ndim > 1 else p, params
    )
    return recurrence.unroll(
      cell or cells.lstm(),
      params,
      options.pop('xs', xs),
      carry,
      engine='cudnn',
      **options,
    )

  @parameterized.parameters(False, True)
  def test_no_steps_and_no_rows(self, reverse):
    params, _, carry, _ = example('lstm')
    result = self.unroll(xs=jnp.zeros((0, B, D)), reverse=reverse)
    self.assertEqual(result.outputs.shape, (0, B, H))
    jax.tree.map(np.testing.assert_array_equal, result.carry, carry)
    nobody = recurrence.unroll(
      cells.lstm(), params, jnp.zeros((T, 0, D)), engine='cudnn'
    )
    self.assertEqual(nobody.outputs.shape, (T, 0, H))

  def test_an_unused_c_of_all_carries_costs_nothing(self):
    _, xs, _, _ = example('lstm')

    def products(read):
      program = jax.jit(lambda xs: read(self.unroll(xs=xs)))
      text = program.lower(xs).as_text()
      return text.count('stablehlo.dot_general')

    used = products(lambda result: result.carries.c)
    unused = products(lambda result: (result.outputs, result.carry))
    # The product of the input and that of the state.
    self.assertEqual(used - unused, 2)

  def test_the_call_itself_is_one_that_jax_takes(self):
    """Shapes, dtypes, and the gradient's rule, without a GPU to run it."""
    params, xs, carry, _ = example('lstm')
    sizes = types.SimpleNamespace(
      compute_rnn_workspace_reserve_space_sizes=lambda *_: (0, 8)
    )

    def loss(params, xs, carry):
      result = recurrence.unroll(
        cells.lstm(), params, xs, carry, mask=MASK, engine='cudnn'
      )
      return sum(x.sum() for x in jax.tree.leaves(result))

    with (
      mock.patch.object(rnn, 'gpu_rnn', sizes),
      mock.patch.object(cudnn, 'lstm_layer', _LSTM_LAYER),
    ):
      grads = jax.make_jaxpr(jax.grad(loss, argnums=(0, 1, 2)))(
        params, xs, carry
      )
    for call in ('rnn_fwd', 'rnn_bwd'):
      self.assertEqual(str(grads).count(call), 1, call)
    # cuDNN takes these as the size of what lies in the flat weights.
    for words in (
      f'input_size={D}',
      f'hidden_size={H}',
      'num_layers=1',
      'bidirectional=False',
      'dropout=0.0',
    ):
      self.assertEqual(str(grads).count(words), 2, words)
    weights = cudnn._flat(params)
    size = rnn.get_num_params_in_lstm(D, H, 1, False)
    self.assertEqual(weights.shape, (size,))
    self.assertEqual(
      [a.shape for a in grads.out_avals],
      [x.shape for x in jax.tree.leaves((params, xs, carry))],
    )

  def test_which_cells_it_recognises(self):
    for cell in (cells.lstm(jnp.tanh), cells.lstm(activation=jnp.tanh)):
      self.assertTrue(cudnn.is_plain_lstm(cell))
      self.assertIsNone(recurrence.refusal(cell, 'cudnn'))
    plain = cells.lstm()
    for cell in (
      cells.lstm(jax.nn.relu),
      cells.gru(),
      plain._replace(readout=lambda params, y_t: 2 * y_t),
      plain._replace(project=lambda params, x_t: x_t @ params.w_x),
      plain._replace(init=lambda key, x_t, hidden_size: {}),
    ):
      self.assertFalse(cudnn.is_plain_lstm(cell))
    others = [name for name in cells.CELLS if name != 'lstm']
    for name in others:
      with self.subTest(name):
        self.assertFalse(cudnn.is_plain_lstm(cells.CELLS[name]()))

  def test_it_is_never_chosen_by_itself(self):
    self.assertEqual(recurrence.engine_for(cells.lstm()), 'fused')

  def test_what_it_cannot_do_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, r'cells\.lstm\(\) without'):
      self.unroll(cells.gru())
    with self.assertRaisesRegex(errors.UserError, 'Leave resets out'):
      self.unroll(resets=jnp.zeros((T, B), bool))
    with self.assertRaisesRegex(
      errors.UserError, r'params\.w_x is bfloat16. Use'
    ):
      self.unroll(dtype=jnp.bfloat16)
    with (
      mock.patch.object(cudnn, 'has_device', _HAS_DEVICE),
      self.assertRaisesRegex(errors.UserError, "NVIDIA GPU, .* on 'cpu' here"),
    ):
      self.unroll()

  def test_forward_mode_is_refused_and_names_scan(self):
    _, xs, _, _ = example('lstm')
    with (
      mock.patch.object(cudnn, 'lstm_layer', untidy),
      self.assertRaisesRegex(TypeError, "'cudnn' has .* Use engine='scan'"),
    ):
      jax.jvp(lambda xs: self.unroll(xs=xs).outputs, (xs,), (xs,))


_LSTM_LAYER, _HAS_DEVICE = cudnn.lstm_layer, cudnn.has_device

if __name__ == '__main__':
  absltest.main()
