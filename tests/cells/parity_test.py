"""The same weights in other frameworks give the same values and gradients."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from closeness import assert_close

from seqjax import cells, recurrence

T, B, D, H = 7, 3, 4, 5
RTOL = 1e-5


def example(name):
  """cell, random params, inputs, and what to weigh the outputs with."""
  cell = cells.CELLS[name]()
  rng = np.random.default_rng(0)
  draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
  xs = draw(T, B, D)
  params = cell.init(jax.random.key(0), xs[0, 0], H)
  params = jax.tree.map(lambda p: p + 0.3 * draw(*p.shape), params)
  return cell, params, xs, draw(T, B, H)


def ours(cell, params, xs, weigh):
  """Outputs, and gradients of params and inputs."""

  def loss(params, xs):
    ys = recurrence.unroll(cell, params, xs).outputs
    return jnp.sum(weigh * ys), ys

  (_, ys), grads = jax.jit(
    jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
  )(params, xs)
  return ys, *grads


class WorkedExampleTest(absltest.TestCase):
  def test_the_elman_network_worked_by_hand(self):
    """torch.manual_seed(1); torch.nn.RNN(5, 2) on fives of 1, 2 and 3.

    The numbers are torch's weights and, to the last digit, its outputs.
    """
    params = cells.ElmanParams(
      w_x=jnp.array(
        [
          [0.364346087, -0.312101543, -0.137080774, 0.331893951, -0.665696383],
          [0.42406413, -0.145469755, 0.359736234, 0.0982998535, -0.0865810886],
        ]
      ).T,
      w_h=jnp.array(
        [[0.196123779, 0.0348828398], [0.258255303, -0.27556023]]
      ).T,
      b=jnp.array([-0.0515542775 + 0.10249085, -0.0636589378 - 0.0028247661]),
    )
    xs = jnp.broadcast_to(jnp.arange(1.0, 4.0)[:, None, None], (3, 1, 5))
    ys = recurrence.unroll(cells.elman(), params, xs).outputs
    np.testing.assert_allclose(
      ys[:, 0],
      [
        [-0.3519801, 0.52525216],
        [-0.68424344, 0.76074266],
        [-0.8649416, 0.90466356],
      ],
      # The numbers were printed to eight digits from float32.
      rtol=3e-7,
    )


class TorchTest(parameterized.TestCase):
  @parameterized.parameters('elman', 'elman_relu', 'lstm', 'gru')
  def test_values_and_gradients(self, name):
    torch = pytest.importorskip('torch')
    cell, params, xs, weigh = example(name)
    module = {
      'elman': torch.nn.RNN,
      'elman_relu': lambda *a: torch.nn.RNN(*a, nonlinearity='relu'),
      'lstm': torch.nn.LSTM,
      'gru': torch.nn.GRU,
    }[name](D, H)
    b_h = np.zeros(params.b.shape, np.float32)
    if name == 'gru':
      b_h[2 * H :] = params.b_n
    weights = {
      'weight_ih_l0': params.w_x.T,
      'weight_hh_l0': params.w_h.T,
      'bias_ih_l0': params.b,
      'bias_hh_l0': b_h,
    }
    module.load_state_dict(
      {k: torch.tensor(np.array(v)) for k, v in weights.items()}
    )
    inputs = torch.tensor(np.array(xs), requires_grad=True)
    outputs, _ = module(inputs)
    (outputs * torch.tensor(np.array(weigh))).sum().backward()

    ys, d_params, d_xs = ours(cell, params, xs, weigh)
    assert_close(ys, outputs.detach())
    assert_close(d_xs, inputs.grad)
    assert_close(d_params.w_x, module.weight_ih_l0.grad.T)
    assert_close(d_params.w_h, module.weight_hh_l0.grad.T)
    assert_close(d_params.b, module.bias_ih_l0.grad)
    if name == 'gru':
      assert_close(d_params.b_n, module.bias_hh_l0.grad[2 * H :])


class LinenTest(parameterized.TestCase):
  def check(self, name, module, names_x, names_h, biases):
    """`biases` maps the name of a Dense to our bias and its block, or None."""
    cell, params, xs, weigh = example(name)
    tree = {}
    for names, w in ((names_x, params.w_x), (names_h, params.w_h)):
      for block, dense in enumerate(names):
        tree[dense] = {'kernel': w[:, block * H : (block + 1) * H]}
    for dense, (bias, block) in biases.items():
      tree[dense]['bias'] = getattr(params, bias)[block * H : (block + 1) * H]
    rnn = nn.RNN(module, time_major=True)

    def loss(tree, xs):
      ys = rnn.apply({'params': {'cell': tree}}, xs)
      return jnp.sum(weigh * ys), ys

    (_, theirs), (d_tree, d_theirs) = jax.jit(
      jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    )(tree, xs)
    ys, d_params, d_xs = ours(cell, params, xs, weigh)
    assert_close(ys, theirs)
    assert_close(d_xs, d_theirs)
    for names, w in ((names_x, d_params.w_x), (names_h, d_params.w_h)):
      kernels = [d_tree[dense]['kernel'] for dense in names]
      assert_close(w, np.concatenate(kernels, axis=1), what=str(names))
    for dense, (bias, block) in biases.items():
      mine = getattr(d_params, bias)[block * H : (block + 1) * H]
      assert_close(mine, d_tree[dense]['bias'], what=dense)

  def test_elman(self):
    self.check('elman', nn.SimpleCell(H), ['i'], ['h'], {'i': ('b', 0)})

  def test_lstm(self):
    self.check(
      'lstm',
      nn.OptimizedLSTMCell(H),
      ['ii', 'if', 'ig', 'io'],
      ['hi', 'hf', 'hg', 'ho'],
      {h: ('b', k) for k, h in enumerate(['hi', 'hf', 'hg', 'ho'])},
    )

  def test_gru(self):
    self.check(
      'gru',
      nn.GRUCell(H),
      ['ir', 'iz', 'in'],
      ['hr', 'hz', 'hn'],
      {'ir': ('b', 0), 'iz': ('b', 1), 'in': ('b', 2), 'hn': ('b_n', 0)},
    )


if __name__ == '__main__':
  absltest.main()
