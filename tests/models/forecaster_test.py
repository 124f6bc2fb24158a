"""What a forecaster promises, against the equations in float64 NumPy."""

import functools

import closeness
import jax
import jax.numpy as jnp
import numpy as np
import oracle
from absl.testing import absltest, parameterized

from seqjax import cells, data, distributions, errors, layers, models
from seqjax.data.timeseries import steps_ahead
from seqjax.models import forecaster

T, B, K, D, H, M = 7, 3, 4, 2, 5, 6
PAST, KNOWN, STATIC = 2, 3, 4
WIDTHS = (PAST, KNOWN, STATIC)


@functools.cache
def make(head='gaussian', widths=WIDTHS, horizon=K, **options):
  recurrent = layers.Recurrent(cells.gru(), (H,), **options)
  head = distributions.HEADS[head]()
  return models.Forecaster(horizon, D, head, recurrent, M, widths)


def batch_of(widths=WIDTHS, horizon=K, steps=T, seed=0):
  """Steps, targets and weights; some rows begin late, some targets lack."""
  random = np.random.RandomState(seed)
  draw = lambda *shape: random.randn(steps, B, *shape).astype(np.float32)
  num_past, num_known, num_static = widths
  static = np.broadcast_to(draw(num_static)[:1], (steps, B, num_static))
  inputs = steps_ahead.Steps(
    values=draw(D),
    missing=(draw(D) > 1).astype(np.float32),
    past=draw(num_past),
    known=draw(horizon, num_known),
    base=draw(horizon, D),
    static=static,
    scale=np.broadcast_to(np.float32([[[2, 3]]]), (steps, B, D)),
  )
  mask = np.arange(steps)[:, None] >= np.arange(B)
  weights = (mask[..., None, None] & (draw(horizon, D) > -1)).astype('f')
  resets = np.zeros_like(mask)
  resets[0] = True
  return data.Batch(inputs, draw(horizon, D), mask, weights, resets)


@functools.cache
def params_of(model):
  """Random parameters, nothing at zero."""
  batch = batch_of(model.widths, model.horizon)
  init = forecaster.task(model).init
  shapes = jax.eval_shape(init, jax.random.key(0), batch)
  random = np.random.RandomState(1)
  return jax.tree.map(
    lambda p: (0.5 * random.randn(*p.shape)).astype(np.float32), shapes
  )


@functools.cache
def compiled(function, model, *arguments):
  return jax.jit(function(model, *arguments))


@functools.cache
def loss_of(model, carried=False):
  return jax.jit(forecaster.task(model, carried).loss)


def raw_by_hand(model, params, batch):
  """The docstring's equations, complex numbers and all."""
  params, steps = params['params'], batch.inputs
  cell = params['recurrent']['layer_0']
  context = params['recurrent']['layer_0_context_0']['kernel']
  xs = np.concatenate(
    [steps.values, steps.missing, steps.past, steps.known[:, :, 0]], -1
  )
  initial = {'h': steps.static[0] @ context}
  hs, _, _ = oracle.unroll(
    'gru',
    oracle.as_dicts(cell),
    xs,
    initial,
    initial,
    batch.mask,
    batch.resets,
    False,
  )
  state, known = params['state'], params['known']['kernel']
  c = np.tanh(
    np.einsum('tbh,hkm->tbkm', hs, state['kernel'])
    + state['bias']
    + steps.known @ known
  )
  scores = params['scores']
  return np.einsum('tbkm,mdp->tbkdp', c, scores['kernel']) + scores['bias']


class ForecasterTest(parameterized.TestCase):
  def test_it_computes_its_equations(self):
    model, batch = make(), batch_of()
    params = params_of(model)
    raw, _ = compiled(forecaster.read, model)(params, batch)
    expected = raw_by_hand(model, params, batch)
    raw = np.where(batch.mask[..., None, None, None], raw, 0)
    expected = np.where(batch.mask[..., None, None, None], expected, 0)
    closeness.assert_close(raw, expected.real)

  def test_gradients_are_those_of_the_equations(self):
    model, batch = make(), batch_of()
    params = params_of(model)

    def by_hand(params):
      raw = raw_by_hand(model, params, batch)
      mu = raw[..., 0] + batch.inputs.base
      sigma = np.log(1 + np.exp(raw[..., 1])) + 1e-3
      nats = 0.5 * np.log(2 * np.pi) + np.log(sigma)
      nats = nats + 0.5 * ((batch.targets - mu) / sigma) ** 2
      return (batch.weights * nats).sum()

    def ours(params):
      return loss_of(model)(params, (), batch, None, {})[0]

    grads = jax.grad(ours)(params)['params']
    expected = oracle.gradient(
      lambda part: by_hand({'params': part}),
      jax.tree.map(np.float64, oracle.as_dicts(params['params'])),
    )
    closeness.assert_close_in_norm(grads, expected, rtol=1e-4)

  @parameterized.parameters(*distributions.HEADS)
  def test_untrained_it_says_its_base(self, head):
    model, batch = make(head), batch_of()
    batch = batch._replace(
      inputs=batch.inputs._replace(base=np.abs(batch.inputs.base) + 1)
    )
    params = forecaster.task(model).init(jax.random.key(0), batch)
    raw, _ = compiled(forecaster.read, model)(params, batch)
    base = batch.inputs.base
    scale = np.broadcast_to(batch.inputs.scale[:, :, None], base.shape)
    point = model.head.point(np.asarray(raw), base, scale)
    np.testing.assert_allclose(point, base, rtol=1e-5)

  def test_nothing_that_comes_later_is_read(self):
    model, batch, at = make(), batch_of(), 3
    later = jax.tree.map(lambda x: np.array(x), batch.inputs)
    for name in ('values', 'missing', 'past', 'known', 'base'):
      getattr(later, name)[at + 1 :] += 1
    read = compiled(forecaster.read, model)
    params = params_of(model)
    before, _ = read(params, batch)
    after, _ = read(params, batch._replace(inputs=later))
    np.testing.assert_array_equal(before[: at + 1], after[: at + 1])
    self.assertTrue((before[at + 1 :] != after[at + 1 :]).all())

  def test_a_missing_target_reaches_neither_loss_nor_gradient(self):
    model, batch = make(), batch_of()
    empty = np.where(batch.weights > 0, batch.targets, np.nan)
    grad = jax.value_and_grad(
      lambda params, batch: loss_of(model)(params, (), batch, None, {})[0]
    )
    params = params_of(model)
    closeness.assert_close(
      grad(params, batch._replace(targets=empty)), grad(params, batch), rtol=0
    )

  def test_the_loss_is_a_mean_over_what_was_observed(self):
    model, batch = make('point'), batch_of()
    params = params_of(model)
    total, aux = loss_of(model)(params, (), batch, None, {})
    raw, _ = compiled(forecaster.read, model)(params, batch)
    wrong = batch.targets - batch.inputs.base - raw[..., 0]
    np.testing.assert_allclose(total, (batch.weights * wrong**2).sum(), 1e-5)
    self.assertEqual(aux.weight, batch.weights.sum())
    self.assertEqual(list(aux.metrics), ['squared_error'])

  def test_windows_in_order_equal_the_whole(self):
    model, batch = make(), batch_of()
    params = params_of(model)
    loss = loss_of(model, carried=True)
    carry = forecaster.task(model, carried=True).carry(params, B)
    whole, aux = loss(params, carry, batch, None, {})
    cut = lambda a, b: jax.tree.map(lambda x: x[a:b], batch)
    first, middle = loss(params, carry, cut(0, 3), None, {})
    second, last = loss(params, middle.carry, cut(3, T), None, {})
    np.testing.assert_allclose(whole, first + second, rtol=1e-5)
    closeness.assert_close(last.carry, aux.carry)

  def test_one_step_at_a_time_equals_the_whole(self):
    model, batch = make(), batch_of()
    batch = batch._replace(mask=np.ones_like(batch.mask))
    params = params_of(model)
    expected, _ = compiled(forecaster.read, model)(params, batch)
    static = jnp.asarray(batch.inputs.static[0])
    carry = forecaster.first_carry(model, params, B, static)
    go = compiled(forecaster.step, model)
    for t in range(T):
      one = jax.tree.map(lambda x, t=t: x[t : t + 1], batch.inputs)
      carry, raw = go(params, carry, one)
      closeness.assert_close(raw, expected[t])

  def test_without_covariates_it_is_a_linear_map_of_the_state(self):
    model = make('point', (0, 0, 0))
    names = params_of(model)['params'].keys()
    self.assertEqual(set(names), {'recurrent', 'scores'})

  @parameterized.parameters('bidirectional', 'reverse')
  def test_it_refuses_to_read_ahead(self, name):
    with self.assertRaisesRegex(errors.UserError, f'Set {name}=False'):
      make(**{name: True})


class PathsTest(absltest.TestCase):
  def draw(self, model, num_paths, at=(2, 4, 6), row=(0, 1, 2), seed=0):
    ahead = batch_of((0, KNOWN, STATIC), horizon=K)
    near = ahead._replace(
      inputs=ahead.inputs._replace(
        known=ahead.inputs.known[:, :, :1], base=ahead.inputs.base[:, :, :1]
      )
    )
    params = params_of(model)
    raw, carries = compiled(forecaster.read, model)(params, near)
    at, row = np.array(at), np.array(row)
    pick = lambda x: jnp.asarray(x)[at, row]
    keys = jax.random.split(jax.random.key(seed), 3)[: len(at)]
    drawn = compiled(forecaster.paths, model, num_paths)(
      params,
      pick(raw),
      jax.tree.map(pick, carries),
      jax.tree.map(lambda x: pick(x)[None], ahead.inputs),
      keys,
    )
    return ahead, params, at, row, drawn

  def test_a_path_is_read_step_by_step(self):
    # Of a head without spread: every path is the mean, fed back by hand.
    model = make('point', (0, KNOWN, STATIC), horizon=1)
    ahead, params, at, row, drawn = self.draw(model, num_paths=2)
    self.assertEqual(drawn.shape, (3, K, D, 2))
    go = compiled(forecaster.step, model)
    for i, (t, b) in enumerate(zip(at, row, strict=True)):
      static = jnp.asarray(ahead.inputs.static[0, b : b + 1])
      carry = forecaster.first_carry(model, params, 1, static)
      for past in range(b, t):  # Row b begins at step b.
        _, carry, _ = self.one(go, params, carry, ahead, past, b, 0)
      values = ahead.inputs.values[t, b]
      missing = ahead.inputs.missing[t, b]
      for k in range(K):
        said, carry, _ = self.one(
          go, params, carry, ahead, t, b, k, values, missing
        )
        np.testing.assert_allclose(drawn[i, k, :, 0], said, rtol=1e-4)
        np.testing.assert_array_equal(drawn[i, k, :, 0], drawn[i, k, :, 1])
        values, missing = said, 0 * missing

  def one(self, go, params, carry, ahead, t, b, k, values=None, missing=None):
    steps = ahead.inputs
    values = steps.values[t, b] if values is None else values
    missing = steps.missing[t, b] if missing is None else missing
    now = steps_ahead.Steps(
      values=jnp.asarray(values)[None, None],
      missing=jnp.asarray(missing)[None, None],
      past=jnp.zeros((1, 1, 0)),
      known=jnp.asarray(steps.known[t, b, k])[None, None, None],
      base=jnp.asarray(steps.base[t, b, k])[None, None, None],
      static=jnp.asarray(steps.static[t, b])[None, None],
      scale=jnp.asarray(steps.scale[t, b])[None, None],
    )
    carry, raw = go(params, carry, now)
    return steps.base[t, b, k] + raw[0, 0, :, 0], carry, raw

  def test_draws_spread_as_the_distribution_says(self):
    model = make('gaussian', (0, KNOWN, STATIC), horizon=1)
    *_, drawn = self.draw(model, num_paths=400)
    self.assertTrue((drawn.std(axis=-1) > 0.01).all())
    first, other = drawn[..., 0], drawn[..., 1]
    self.assertTrue((first != other).all())

  def test_an_origin_is_drawn_alike_in_any_company(self):
    model = make('gaussian', (0, KNOWN, STATIC), horizon=1)
    *_, whole = self.draw(model, num_paths=3)
    *_, one = self.draw(model, num_paths=3, at=(2,), row=(0,))
    np.testing.assert_allclose(whole[:1], one, rtol=1e-5)


if __name__ == '__main__':
  absltest.main()
