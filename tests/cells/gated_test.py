"""The options of the gated cells, and the same weights in other frameworks."""

import os
from unittest import mock

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from absl.testing import absltest, parameterized
from closeness import assert_close
from examples import draw

from seqjax import cells, errors, recurrence

T, B, D, H, P = 7, 3, 4, 6, 5


def init(cell, size=H, **numbers):
  return cell.init(jax.random.key(0), jnp.ones(D), size, **numbers)


def shapes(params):
  return {k: v.shape for k, v in oracle.as_dicts(params).items()}


def random_params(cell):
  leaves, structure = jax.tree.flatten(init(cell))
  return structure.unflatten(
    [p + 0.3 * draw(p.shape, seed) for seed, p in enumerate(leaves)]
  )


class LSTMTest(parameterized.TestCase):
  def test_every_option_brings_its_own_parameters_and_no_others(self):
    plain = {'w_x': (D, 4 * H), 'w_h': (H, 4 * H), 'b': (4 * H,)}
    self.assertEqual(shapes(init(cells.lstm())), plain)
    cell = cells.lstm(
      peephole=True, coupled=True, layer_norm=True, projection=P
    )
    self.assertEqual(
      shapes(init(cell)),
      {
        'w_x': (D, 3 * H),
        'w_h': (P, 3 * H),
        'b': (3 * H,),
        'p_f': (H,),
        'p_o': (H,),
        'gain_x': (3 * H,),
        'gain_h': (3 * H,),
        'gain_c': (H,),
        'b_c': (H,),
        'w_p': (H, P),
      },
    )
    heads = init(cells.lstm(heads=2))
    self.assertEqual(shapes(heads), plain | {'w_h': (2, H // 2, 2 * H)})

  def test_with_peepholes_it_begins_as_without(self):
    xs = draw((T, B, D), 1)
    ys, grads = [], []
    for cell in (cells.lstm(), cells.lstm(peephole=True)):
      loss = lambda params, cell=cell: jnp.sum(
        recurrence.unroll(cell, params, xs).outputs ** 2
      )
      ys.append(loss(init(cell)))
      grads.append(jax.jit(jax.grad(loss))(init(cell)))
    np.testing.assert_array_equal(*ys)
    for p in ('p_i', 'p_f', 'p_o'):
      self.assertGreater(np.abs(getattr(grads[1], p)).min(), 0)

  def test_coupled_gates_take_the_bias_of_the_forget_gate(self):
    cell = cells.lstm(coupled=True)
    f, g, o = np.split(np.asarray(init(cell, forget_bias=1.5).b), 3)
    np.testing.assert_array_equal(f, 1.5)
    np.testing.assert_array_equal([g, o], 0)
    # Compiled, it leaves out the matrices, which nobody reads.
    bias = jax.jit(lambda: init(cell, 512, chrono_steps=100).b)
    f, g, o = np.split(np.asarray(bias()), 3)
    self.assertBetween(np.exp(f).max(), 97, 99)
    np.testing.assert_array_equal([g, o], 0)

  @parameterized.parameters(P, H)
  def test_a_projection_begins_with_orthogonal_columns(self, width):
    w_p = np.asarray(init(cells.lstm(projection=width)).w_p)
    np.testing.assert_allclose(w_p.T @ w_p, np.eye(width), atol=1e-6)

  def test_the_scale_of_the_input_is_normalised_away(self):
    cell = cells.lstm(layer_norm=True)
    params, xs = random_params(cell), draw((T, B, D), 1)
    ys, scaled = (
      recurrence.unroll(cell, params, x).outputs for x in (xs, 1000 * xs)
    )
    # Not to the last digit: 1e-5 is added to the variance.
    np.testing.assert_allclose(scaled, ys, atol=1e-3)

  def test_mistakes_are_sentences(self):
    with self.assertRaisesRegex(errors.UserError, 'Leave out one of them'):
      cells.lstm(projection=P, heads=2)
    with self.assertRaisesRegex(errors.UserError, r'at most hidden_size \(6\)'):
      init(cells.lstm(projection=H + 1))
    with self.assertRaisesRegex(errors.UserError, 'at least 1'):
      init(cells.lstm(projection=0))
    with self.assertRaisesRegex(errors.UserError, 'divisor of hidden_size'):
      init(cells.lstm(heads=4))


class OthersTest(parameterized.TestCase):
  def test_layer_norm_cannot_go_before_the_reset(self):
    with self.assertRaisesRegex(errors.UserError, "Use reset='after'"):
      cells.gru('before', layer_norm=True)

  def test_an_unknown_reset_is_refused(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'after'"):
      cells.mgu('aftre')

  @parameterized.parameters(cells.gru, cells.mgu)
  def test_the_reset_before_the_product_runs_on_the_fast_engine(self, build):
    self.assertEqual(recurrence.engine_for(build('before')), 'fused')

  @parameterized.parameters('mgu', 'mgu_reset_after', 'ugrnn')
  def test_forget_bias_stands_in_the_first_block(self, name):
    cell = cells.CELLS[name]()
    for params, bias in ((init(cell), 1), (init(cell, forget_bias=2.0), 2)):
      gate, candidate = np.split(np.asarray(params.b), 2)
      np.testing.assert_array_equal(gate, bias)
      np.testing.assert_array_equal(candidate, 0)

  def test_a_gate_near_one_lets_in_or_keeps(self):
    """The two forms of the MGU read their gate the other way round."""
    xs = draw((T, B, D), 1)
    for reset, keeps in (('before', False), ('after', True)):
      cell = cells.mgu(reset)
      carry = cells.HiddenCarry(0.5 * draw((B, H), 2))
      last = recurrence.unroll(
        cell, init(cell, forget_bias=30.0), xs, carry
      ).carry
      self.assertEqual(np.allclose(last.h, carry.h), keeps)

  def test_an_irnn_begins_as_a_sum(self):
    params = init(cells.irnn(), recurrent_scale=0.5)
    np.testing.assert_array_equal(params.w_h, 0.5 * np.eye(H))
    orthogonal = init(cells.irnn(), scheme='orthogonal')
    self.assertGreater(np.abs(orthogonal.w_h - np.eye(H)).max(), 0.1)


@pytest.mark.slow
class ParityTest(parameterized.TestCase):
  def example(self, cell):
    """Random params, inputs and carry; an output width decides the weights."""
    params, xs = random_params(cell), draw((T, B, D), 11)
    carry = jax.vmap(lambda _: cell.carry(params, xs[0, 0]))(jnp.arange(B))
    carry = jax.tree.map(lambda c: 0.5 * draw(c.shape, c.shape[-1]), carry)
    return params, xs, carry, draw((T, *carry.h.shape), 12)

  def ours(self, cell, weigh, *inputs):
    """Outputs, the last carry, and gradients of params, inputs and carry."""

    def loss(*inputs):
      ys, last, _ = recurrence.unroll(cell, *inputs)
      total = jnp.sum(weigh * ys)
      return total + sum(map(jnp.sum, jax.tree.leaves(last))), (ys, last)

    (_, results), grads = jax.jit(
      jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True)
    )(*inputs)
    return *results, *grads

  # torch says that its fastest kernel has no projection.
  @pytest.mark.filterwarnings('ignore:LSTM with projections:UserWarning')
  def test_a_projection_is_that_of_torch(self):
    torch = pytest.importorskip('torch')
    cell = cells.lstm(projection=P)
    params, xs, carry, weigh = self.example(cell)
    module = torch.nn.LSTM(D, H, proj_size=P)
    weights = {
      'weight_ih_l0': params.w_x.T,
      'weight_hh_l0': params.w_h.T,
      'bias_ih_l0': params.b,
      'bias_hh_l0': np.zeros(4 * H, np.float32),
      'weight_hr_l0': params.w_p.T,
    }
    module.load_state_dict(
      {k: torch.tensor(np.array(v)) for k, v in weights.items()}
    )
    inputs, h_0, c_0 = (
      torch.tensor(np.array(x), requires_grad=True) for x in (xs, *carry)
    )
    outputs, (h_n, c_n) = module(inputs, (h_0[None], c_0[None]))
    total = (outputs * torch.tensor(np.array(weigh))).sum()
    (total + h_n.sum() + c_n.sum()).backward()

    ys, last, d_params, d_xs, d_carry = self.ours(
      cell, weigh, params, xs, carry
    )
    for mine, theirs in (
      (ys, outputs.detach()),
      (last.h, h_n[0].detach()),
      (last.c, c_n[0].detach()),
      (d_params.w_x, module.weight_ih_l0.grad.T),
      (d_params.w_h, module.weight_hh_l0.grad.T),
      (d_params.b, module.bias_ih_l0.grad),
      (d_params.w_p, module.weight_hr_l0.grad.T),
      (d_xs, inputs.grad),
      (d_carry.h, h_0.grad),
      (d_carry.c, c_0.grad),
    ):
      assert_close(mine, theirs)

  def test_hard_gates_are_those_of_keras(self):
    with mock.patch.dict(os.environ, {'KERAS_BACKEND': 'jax'}):
      keras = pytest.importorskip('keras')
    cell = cells.CELLS['lstm_hard']()
    params, xs, _, _ = self.example(cell)
    # Wide enough to meet both ends of the ramp.
    params, xs = jax.tree.map(lambda x: 2 * x, (params, xs))
    # Keras knows nothing of the strict modes of this suite.
    with (
      jax.numpy_dtype_promotion('standard'),
      jax.numpy_rank_promotion('allow'),
    ):
      layer = keras.layers.LSTM(
        H, recurrent_activation='hard_sigmoid', return_sequences=True
      )
      layer.build((B, T, D))
      layer.set_weights([np.asarray(p) for p in params[:3]])
      theirs = np.asarray(layer(np.asarray(xs.swapaxes(0, 1)))).swapaxes(0, 1)
    assert_close(recurrence.unroll(cell, params, xs).outputs, theirs)

  def test_the_mgu_is_that_of_flax(self):
    cell = cells.mgu('after')
    params, xs, carry, weigh = self.example(cell)
    rnn = nn.RNN(nn.MGUCell(H), time_major=True, return_carry=True)

    def loss(params, xs, h):
      kernels = dict(
        zip(('if', 'in'), jnp.split(params.w_x, 2, axis=1), strict=True)
      ) | dict(zip(('hf', 'hn'), jnp.split(params.w_h, 2, axis=1), strict=True))
      b_f, b_n = jnp.split(params.b, 2)
      biases = {'if': b_f, 'in': b_n, 'hn': params.b_n}
      tree = {
        k: {'kernel': v} | ({'bias': biases[k]} if k in biases else {})
        for k, v in kernels.items()
      }
      last, ys = rnn.apply({'params': {'cell': tree}}, xs, initial_carry=h.h)
      return jnp.sum(weigh * ys) + jnp.sum(last), (ys, last)

    (_, (ys, last)), grads = jax.jit(
      jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True)
    )(params, xs, carry)
    ours = self.ours(cell, weigh, params, xs, carry)
    theirs = (ys, cells.HiddenCarry(last), *grads)
    for mine, other in zip(*map(jax.tree.leaves, (ours, theirs)), strict=True):
      assert_close(mine, other)


if __name__ == '__main__':
  absltest.main()
