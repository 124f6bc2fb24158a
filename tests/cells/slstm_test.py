"""What is particular to the sLSTM: a state that is kept in range."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from examples import draw, mostly_slow

from seqjax import cells, errors, recurrence

T, B, D, H = 12, 3, 5, 4


def example(forget='sigmoid', scale=1.0, dtype=jnp.float32):
  """A cell, params and inputs; the pre-activations grow with `scale`."""
  cell = cells.slstm(forget=forget)
  xs = draw((T, B, D), 0, dtype)
  params = cell.init(jax.random.key(0), xs[0, 0], H)
  return cell, params._replace(w_x=scale * params.w_x), xs


def unstabilised(params, xs, forget):
  """h of one row by the equations as they are printed, in float64."""
  sigmoid = lambda z: 1 / (1 + np.exp(-z))
  w_x, w_h, b = map(np.float64, params)
  h, c, n = np.zeros((3, H))
  hs = []
  for x_t in np.float64(xs):
    i, f, z, o = np.split(x_t @ w_x + h @ w_h + b, 4)
    i, f = np.exp(i), np.exp(f) if forget == 'exp' else sigmoid(f)
    c = f * c + i * np.tanh(z)
    n = f * n + i
    h = sigmoid(o) * c / n
    hs.append(h)
  return np.stack(hs)


@pytest.mark.parametrize(
  'forget, scale, engine',
  mostly_slow(
    [('exp', 100.0, 'fused')],
    ('sigmoid', 'exp'),
    (1.0, 100.0),
    ('scan', 'fused'),
  ),
)
def test_values_and_gradients_are_finite(forget, scale, engine):
  cell, params, xs = example(forget, scale)
  mask = jnp.ones((T, B), bool).at[:4, 0].set(False).at[:, 2].set(False)
  carry = jax.tree.map(
    lambda c: jnp.broadcast_to(c, (B, H)), cell.carry(params, xs[0, 0])
  )

  def loss(params, xs, carry):
    results = recurrence.unroll(
      cell, params, xs, carry, mask=mask, engine=engine
    )
    return jnp.sum(results.outputs**2), results

  grad = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))
  grads, results = grad(params, xs, carry)
  for leaf in jax.tree.leaves((grads, results)):
    assert np.isfinite(leaf).all()
  assert np.abs(results.outputs).max() <= 1
  assert np.abs(grads[0].w_h).max() > 0
  _, *rest = grads[2]
  for grad in rest:
    np.testing.assert_array_equal(grad, 0)


class SLSTMTest(parameterized.TestCase):
  @parameterized.parameters('sigmoid', 'exp')
  def test_h_is_that_of_the_equations_without_a_stabiliser(self, forget):
    with jax.enable_x64(True):
      cell, params, xs = example(forget, 2.0, jnp.float64)
      hs = recurrence.unroll(cell, params, xs).outputs
    for b in range(B):
      exact = unstabilised(params, xs[:, b], forget)
      np.testing.assert_allclose(hs[:, b], exact, 1e-12)

  @parameterized.parameters('scan', 'fused')
  def test_a_row_that_is_reset_in_a_live_batch_is_a_fresh_sequence(
    self, engine
  ):
    cell, params, xs = example(scale=4.0)
    resets = jnp.zeros((T, B), bool).at[5, 1].set(True)
    hs = recurrence.unroll(
      cell, params, xs, resets=resets, engine=engine
    ).outputs
    alone = lambda xs: (
      recurrence.unroll(cell, params, xs, engine=engine).outputs
    )
    np.testing.assert_allclose(hs[5:, 1:2], alone(xs[5:, 1:2]), 1e-5)
    exact = unstabilised(params, xs[5:, 1], 'sigmoid')
    np.testing.assert_allclose(hs[5:, 1], exact, 1e-4, 1e-5)
    np.testing.assert_allclose(hs[:, ::2], alone(xs[:, ::2]), 1e-5)

  def test_h_does_not_depend_on_the_scale_of_the_state(self):
    cell, params, xs = example()
    carry = recurrence.unroll(cell, params, xs).carry
    run = jax.jit(
      lambda carry: recurrence.unroll(cell, params, xs, carry).outputs
    )
    for shift in (-3.0, 2.0):
      scaled = carry._replace(
        c=carry.c * np.exp(-shift),
        n=carry.n * np.exp(-shift),
        m=carry.m + shift,
      )
      np.testing.assert_allclose(run(scaled), run(carry), 1e-5, 1e-6)

  def test_the_first_step_owes_nothing_to_the_beginning(self):
    cell, params, xs = example()
    # Pre-activations far below zero, where a beginning at m = 0 would show.
    params = params._replace(b=params.b - 50)
    other = cell.carry(params, xs[0, 0])._replace(c=jnp.ones(H), n=jnp.ones(H))
    other = jax.tree.map(lambda c: jnp.broadcast_to(c, (B, H)), other)
    a, b = (
      recurrence.unroll(cell, params, xs, carry) for carry in (None, other)
    )
    jax.tree.map(np.testing.assert_array_equal, a, b)
    np.testing.assert_array_equal(a.carries.n[0], 1)

  def test_forget_bias_stands_in_the_parameters(self):
    bias = lambda **options: np.split(
      np.asarray(
        cells.slstm(heads=2)
        .init(jax.random.key(0), jnp.ones(D), 8, **options)
        .b
      ),
      4,
    )
    i, f, z, o = bias(forget_bias=2.5)
    np.testing.assert_array_equal([i, z, o], 0)
    np.testing.assert_array_equal(f, 2.5)
    i, f, z, o = bias(forget_power=0.5)
    np.testing.assert_array_equal([i, z, o], 0)
    head = 5 - 12 * np.sqrt(np.arange(4) / 3)
    np.testing.assert_allclose(f, [*head, *head], 1e-6)
    f = cells.slstm().init(jax.random.key(0), jnp.ones(D), 1, forget_power=1).b
    np.testing.assert_array_equal(f, [0, 5, 0, 0])

  def test_another_forget_gate_is_refused(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'sigmoid'"):
      cells.slstm(forget='sigmod')


if __name__ == '__main__':
  absltest.main()
