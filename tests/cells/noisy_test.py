"""Noise in the loop, against NumPy loops that are given the same masks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from absl.testing import absltest, parameterized
from examples import B, H, T, example, input_shape, mostly_slow
from oracle import gated

from seqjax import cells, errors, recurrence
from seqjax.cells import noisy, regularizers

Rates = regularizers.Rates
RATE = 0.3
EVERY = Rates(
  state_dropout_rate=RATE,
  candidate_dropout_rate=RATE,
  zoneout_h_rate=RATE,
  zoneout_c_rate=RATE,
)
MASK = np.random.default_rng(0).random((T, B)) < 0.7
RESETS = np.random.default_rng(1).random((T, B)) < 0.3


def of(name):
  """EVERY, as far as the cell has it."""
  return EVERY if name == 'lstm' else EVERY._replace(zoneout_c_rate=0.0)


def lstm(p, carry, x_t, d_h, d_g, m_h, m_c):
  z = np.split(x_t @ p['w_x'] + (d_h * carry['h']) @ p['w_h'] + p['b'], 4)
  i, f, o = (gated.sigmoid(z[k]) for k in (0, 1, 3))
  c_new = f * carry['c'] + i * d_g * np.tanh(z[2])
  h_new = o * np.tanh(c_new)
  h_t = m_h * carry['h'] + (1 - m_h) * h_new
  return {'h': h_t, 'c': m_c * carry['c'] + (1 - m_c) * c_new}


def gru(p, carry, x_t, d_h, d_g, m_h, m_c):
  del m_c
  u_r, u_z, u_n = np.split(x_t @ p['w_x'] + p['b'], 3)
  a_r, a_z, a_n = np.split((d_h * carry['h']) @ p['w_h'], 3)
  r, z = gated.sigmoid(u_r + a_r), gated.sigmoid(u_z + a_z)
  n = d_g * np.tanh(u_n + r * (a_n + p['b_n']))
  h_new = (1 - z) * n + z * carry['h']
  return {'h': m_h * carry['h'] + (1 - m_h) * h_new}


STEPS = {'lstm': lstm, 'gru': gru}


def factors(noise):
  """d_h, d_g, m_h, m_c as numbers [T, B, H]."""

  def drop(dropout):
    if dropout is None:
      return np.ones((T, B, H))
    rate = np.asarray(dropout.rate, np.float64)[..., None]
    return np.asarray(dropout.kept) / (1 - rate)

  def zone_out(keeps):
    keeps = np.zeros((T, B)) if keeps is None else np.asarray(keeps)
    if keeps.ndim == 2:
      keeps = keeps[..., None]
    return np.broadcast_to(keeps, (T, B, H)).astype(np.float64)

  return (
    drop(noise.state),
    drop(noise.candidate),
    zone_out(noise.zoneout_h),
    zone_out(noise.zoneout_c),
  )


def exact(name, params, xs, carry, initial, noise, reverse=False):
  """Outputs and last h, one number after another."""
  numbers = factors(noise)
  outputs, last = np.zeros((T, B, H), complex), np.zeros((B, H), complex)
  for b in range(B):
    row = lambda tree, b=b: {k: v[b] for k, v in tree.items()}
    state = row(carry)
    for t in reversed(range(T)) if reverse else range(T):
      if not reverse and RESETS[t, b]:
        state = row(initial)
      if MASK[t, b]:
        state = STEPS[name](
          params, state, xs[t, b], *(n[t, b] for n in numbers)
        )
        outputs[t, b] = state['h']
      if reverse and RESETS[t, b]:
        state = row(initial)
    last[b] = state['h']
  return outputs, last


def draw(name, key, rates=None, xs=None, **options):
  params, example_xs, _, _ = example(name)
  xs = example_xs if xs is None else xs
  return noisy.with_noise(
    key, cells.CELLS[name](), params, xs, rates or of(name), **options
  )


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def run(cell, engine, reverse, params, xs, carry, initial):
  return recurrence.unroll(
    cell,
    params,
    xs,
    carry,
    initial_carry=initial,
    mask=MASK,
    resets=RESETS,
    engine=engine,
    reverse=reverse,
  )


def score(outputs, last):
  weigh = np.random.default_rng(7)
  return sum(
    (weigh.normal(size=y.shape) * (y + y * y)).sum() for y in (outputs, last)
  )


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def gradients(cell, engine, reverse, params, x, noise, carry, initial):
  def loss(params, x, carry, initial):
    xs = noisy.Noisy(x, noise)
    ys, last, _ = run(cell, engine, reverse, params, xs, carry, initial)
    return score(ys, last.h)

  return jax.grad(loss, argnums=(0, 1, 2, 3))(params, x, carry, initial)


@pytest.mark.parametrize(
  'name, engine, training',
  mostly_slow(
    [('lstm', 'fused', True)], ('lstm', 'gru'), ('scan', 'fused'), (True, False)
  ),
)
def test_values_and_gradients_are_those_of_the_oracle(name, engine, training):
  reverse = engine == 'fused' and training
  with jax.enable_x64(True):
    params, xs, carry, initial = example(name, jnp.float64)
    cell, xs = noisy.with_noise(
      jax.random.key(0) if training else None,
      cells.CELLS[name](),
      params,
      xs,
      of(name),
    )
    ys, last, _ = run(cell, engine, reverse, params, xs, carry, initial)
    grads = gradients(
      cell, engine, reverse, params, xs.x, xs.noise, carry, initial
    )
  assert cell is noisy.regularized(cells.CELLS[name]())
  tree = {
    k: jax.tree.map(np.asarray, oracle.as_dicts(v))
    for k, v in {
      'params': params,
      'xs': xs.x,
      'carry': carry,
      'initial': initial,
    }.items()
  }
  of_tree = lambda tree: exact(name, **tree, noise=xs.noise, reverse=reverse)
  for ours, theirs in zip((ys, last.h), of_tree(tree), strict=True):
    np.testing.assert_allclose(ours, theirs.real, 1e-10, 1e-10)
  theirs = oracle.gradient(lambda tree: score(*of_tree(tree)), tree)
  for ours, what in zip(grads, tree, strict=True):
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, 1e-9, 1e-10),
      oracle.as_dicts(ours),
      theirs[what],
    )


@pytest.mark.parametrize(
  'name, engine',
  mostly_slow([('gru', 'fused')], ('lstm', 'gru'), ('scan', 'fused')),
)
def test_padding_is_invisible(name, engine):
  params, xs, carry, initial = example(name)
  cell, noise = draw(name, jax.random.key(0))
  noise = noise.noise
  results = []
  for garbage in (0, np.nan):
    x = jnp.where(MASK[..., None], xs, garbage)
    results.append(
      (
        run(cell, engine, False, params, noisy.Noisy(x, noise), carry, initial),
        gradients(cell, engine, False, params, x, noise, carry, initial),
      )
    )
  jax.tree.map(np.testing.assert_array_equal, *results)


class MasksTest(parameterized.TestCase):
  def masks(self, name='lstm', seed=0, **options):
    noise = draw(name, jax.random.key(seed), **options)[1].noise
    return {
      'state': np.asarray(noise.state.kept),
      'candidate': np.asarray(noise.candidate.kept),
      'zoneout_h': np.asarray(noise.zoneout_h),
      'zoneout_c': np.asarray(noise.zoneout_c),
    }

  def test_one_mask_per_sequence_and_zoneout_at_every_step(self):
    # keras#20656: masks that are drawn anew at each step, and must not be.
    xs = jnp.ones((7, 9, 3))
    masks = self.masks(xs=xs)
    for name in ('state', 'candidate'):
      first = masks[name][0]
      np.testing.assert_array_equal(masks[name], np.stack([first] * 7))
      self.assertGreater(len(np.unique(first, axis=0)), 2)
    for name in ('zoneout_h', 'zoneout_c'):
      self.assertGreater(len(np.unique(masks[name][:, 0], axis=0)), 2)

  def test_the_candidate_may_have_a_mask_for_every_step(self):
    masks = self.masks(xs=jnp.ones((7, 9, 3)), candidate_per_step=True)
    self.assertGreater(len(np.unique(masks['candidate'][:, 0], axis=0)), 2)
    np.testing.assert_array_equal(
      masks['state'], masks['state'][:1].repeat(7, 0)
    )

  def test_rows_kinds_and_keys_have_masks_of_their_own(self):
    xs = jnp.ones((40, 50, 3))
    masks, again, other = (self.masks(xs=xs, seed=s) for s in (0, 0, 1))
    for name, mask in masks.items():
      np.testing.assert_array_equal(mask, again[name])
      self.assertBetween((mask != other[name]).mean(), 0.3, 0.55)
      rows = mask[:, :-1] != mask[:, 1:]
      self.assertBetween(rows.mean(), 0.3, 0.55)
    for a, b in (('state', 'candidate'), ('zoneout_h', 'zoneout_c')):
      self.assertBetween((masks[a] != masks[b]).mean(), 0.3, 0.55)

  def test_the_expectation_is_the_value_itself(self):
    xs = jnp.ones((1, 50000, 3))
    noise = draw('lstm', jax.random.key(0), xs=xs)[1].noise
    for dropout in (noise.state, noise.candidate):
      factor = (
        np.asarray(dropout.kept) / (1 - np.asarray(dropout.rate))[..., None]
      )
      np.testing.assert_allclose(factor.mean(), 1, atol=0.006)
    for keeps in (noise.zoneout_h, noise.zoneout_c):
      np.testing.assert_allclose(keeps.mean(), RATE, atol=0.004)


class LoopTest(parameterized.TestCase):
  def unrolled(self, name, rates, key):
    params, xs, carry, _ = example(name)
    cell, xs = draw(name, key, rates)
    return recurrence.unroll(cell, params, xs, carry)

  @parameterized.parameters('lstm', 'gru', 'elman', 'lstm_layer_norm')
  def test_zoneout_at_rate_one_keeps_the_carry_bit_for_bit(self, name):
    carry = example(name)[2]
    for key in (jax.random.key(0), None):
      every = self.unrolled(name, Rates(zoneout_h_rate=1.0), key).carries.h
      np.testing.assert_array_equal(every, np.stack([carry.h] * T))

  def test_zoneout_of_c_at_rate_one_leaves_h_to_move(self):
    rates, carry = Rates(zoneout_c_rate=1.0), example('lstm')[2]
    every = self.unrolled('lstm', rates, jax.random.key(0)).carries
    np.testing.assert_array_equal(every.c, np.stack([carry.c] * T))
    self.assertTrue((every.h != np.stack([carry.h] * T)).all())

  @parameterized.parameters('lstm', 'gru', 'elman')
  def test_a_rate_of_zero_changes_nothing(self, name):
    plain = self.unrolled(name, Rates(), jax.random.key(0))
    _, xs, _, _ = example(name)
    cell, same = draw(name, jax.random.key(0), Rates())
    self.assertIs(cell, cells.CELLS[name]())
    self.assertIs(same, xs)
    zero = jnp.float32(0)
    traced = Rates(state_dropout_rate=zero, zoneout_h_rate=zero)
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, 1e-6, 1e-7),
      self.unrolled(name, traced, jax.random.key(0)),
      plain,
    )

  def test_nothing_is_dropped_in_evaluation(self):
    _, xs, _, _ = example('gru')
    rates = Rates(state_dropout_rate=0.5, candidate_dropout_rate=0.5)
    cell, same = draw('gru', None, rates)
    self.assertIs(cell, cells.gru())
    self.assertIs(same, xs)

  def test_the_output_is_the_state_after_zoneout(self):
    for name in ('lstm', 'gru'):
      ys, _, every = self.unrolled(name, of(name), jax.random.key(0))
      np.testing.assert_array_equal(ys, every.h)

  def test_a_relu_network_stays_finite(self):
    # keras#13221: NaN with relu and any recurrent dropout.
    plain = cells.elman(jax.nn.relu)
    xs = jnp.tile(10 * example('elman_relu')[1], (20, 1, 1))
    params = plain.init(jax.random.key(0), xs[0, 0], H)

    def total(params, key):
      rates = Rates(state_dropout_rate=0.5)
      cell, noised = noisy.with_noise(key, plain, params, xs, rates)
      return recurrence.unroll(cell, params, noised).outputs.mean()

    value, grads = jax.value_and_grad(total)(params, jax.random.key(0))
    self.assertGreater(value, 0)
    for x in jax.tree.leaves((value, grads)):
      self.assertTrue(np.isfinite(x).all())

  def test_rates_are_numbers_of_the_step_not_of_the_program(self):
    params, xs, carry, _ = example('lstm')
    traces = []

    @jax.jit
    def last(key, rates):
      traces.append(1)
      cell, noised = noisy.with_noise(key, cells.lstm(), params, xs, rates)
      return recurrence.unroll(cell, params, noised, carry).carry.h

    found = [
      last(jax.random.key(0), Rates(*np.multiply(scale, EVERY, dtype='f')))
      for scale in (0.0, 1.0, 2.0)
    ]
    self.assertLen(traces, 1)
    plain = recurrence.unroll(cells.lstm(), params, xs, carry).carry.h
    np.testing.assert_allclose(found[0], plain, 1e-5, 1e-6)
    self.assertGreater(np.abs(found[1] - found[2]).max(), 1e-3)

  def test_a_linear_recurrence_with_noise_goes_step_by_step(self):
    params, xs, carry, _ = example('min_gru')
    cell, noised = draw('min_gru', None, Rates(zoneout_h_rate=0.25))
    self.assertIn('associative', recurrence.refusal(cell, 'associative'))
    h = np.asarray(carry.h)
    for x_t in xs:
      u_t = jax.vmap(cells.min_gru().project, (None, 0))(params, x_t)
      new = jax.vmap(cells.min_gru().update, (None, 0, 0))(
        params, cells.HiddenCarry(jnp.asarray(h)), u_t
      )[0].h
      h = 0.25 * h + 0.75 * np.asarray(new)
    last = recurrence.unroll(cell, params, noised, carry).carry.h
    np.testing.assert_allclose(last, h, 1e-5, 1e-6)


class JittedTest(absltest.TestCase):
  def test_an_update_under_jit_puts_out_the_h_after_zoneout(self):
    cell = cells.lstm()
    jitted = cell._replace(update=jax.jit(cell.update))
    xs = jnp.asarray(
      np.random.default_rng(0).normal(size=(5, 2, 3)), jnp.float32
    )
    params = cell.init(jax.random.key(0), xs[0, 0], 4)
    rates = regularizers.Rates(zoneout_h_rate=0.5)
    a, b = (
      recurrence.unroll(c, params, x).outputs
      for c, x in (
        noisy.with_noise(jax.random.key(1), c, params, xs, rates)
        for c in (cell, jitted)
      )
    )
    np.testing.assert_allclose(a, b, 1e-6)


class RefusalTest(parameterized.TestCase):
  @parameterized.parameters(
    ('gru_reset_before', 'state_dropout_rate', 'a gate comes first'),
    ('min_gru', 'state_dropout_rate', 'or nothing is'),
    ('lru', 'state_dropout_rate', 'needs a carry of h; that of'),
    ('lru', 'zoneout_h_rate', 'needs a carry of h; that of'),
    ('gru', 'zoneout_c_rate', 'h and c alone; that of this cell holds h'),
    ('elman', 'candidate_dropout_rate', 'names nothing'),
  )
  def test_it_is_a_sentence_in_evaluation_too(self, name, rate, words):
    for key in (None, jax.random.key(0)):
      with self.assertRaisesRegex(errors.UserError, words):
        draw(name, key, Rates(**{rate: 0.5}))


@pytest.mark.parametrize(
  'name',
  mostly_slow([('gru_reset_before',), ('lstm',), ('slstm',)], cells.CELLS),
)
def test_every_cell_takes_each_noise_or_says_why_not(name):
  cell = cells.CELLS[name]()
  shape = lambda *axes: jax.ShapeDtypeStruct(axes, jnp.float32)
  x_t, xs = shape(*input_shape(name)), shape(T, B, *input_shape(name))
  params = jax.eval_shape(lambda key: cell.init(key, x_t, H), jax.random.key(0))
  carry = jax.tree.map(
    lambda c: shape(B, *c.shape), jax.eval_shape(cell.carry, params, x_t)
  )

  def last(params, xs, rates):
    noisy_cell, noised = noisy.with_noise(
      jax.random.key(0), cell, params, xs, Rates(**rates)
    )
    return recurrence.unroll(noisy_cell, params, noised).carry

  for rate in noisy.RATES:
    try:
      found = jax.eval_shape(last, params, xs, {rate: 0.5})
      assert jax.tree.leaves(found) == jax.tree.leaves(carry)
    except errors.UserError as e:
      assert str(e).startswith(f'{rate} needs a ')


if __name__ == '__main__':
  absltest.main()
