"""Networks that read what they put out, held to a loop in NumPy."""

import functools
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from absl.testing import absltest
from closeness import assert_close_in_norm
from examples import MASK, RESETS, B, D, H, T, mostly_slow

from seqjax import cells, errors, layers, recurrence
from seqjax.recurrence import feedback, forcing, readouts

K = 2
MODES = ('free', 'sampled', 'parallel')
COINS = np.random.default_rng(7).random((T, B)) < 0.5
ALWAYS, NEVER = np.ones((T, B), bool), np.zeros((T, B), bool)


def loop_of(name, feed=None):
  return feedback.Loop(cells.CELLS[name](), readouts.dense(K, feed))


def join_bent(x_t, y_tm1):
  return jnp.concatenate([jnp.tanh(x_t), y_tm1])


def draw(shape, seed, dtype=np.float32):
  return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@functools.cache
def example(name, dtype='float32'):
  """params, xs, targets, carry and initial carry, nothing zero."""
  with jax.enable_x64(dtype == 'float64'):
    cell = feedback.closed(loop_of(name))
    xs, targets = draw((T, B, D), 1, dtype), draw((T, B, K), 2, dtype)
    params = jax.jit(cell.init, static_argnums=2)(
      jax.random.key(0), xs[0, 0], H
    )
    one = jax.eval_shape(cell.carry, params, xs[0, 0])
    vary = lambda p: np.asarray(p) + 0.3 * draw(p.shape, p.size, dtype)
    carry, initial = (
      jax.tree.map(lambda c, s=s: 0.5 * draw((B, *c.shape), s, dtype), one)
      for s in (3, 4)
    )
    return jax.tree.map(vary, params), xs, targets, carry, initial


def score(results, weigh=draw):
  """A number that every result enters, each entry with its own factor."""
  results = jax.tree.leaves(tuple(map(oracle.as_dicts, results)))
  return sum(
    (
      weigh(x.shape, 100 + i, 'float64').astype(x.real.dtype) * (x + x * x)
    ).sum()
    for i, x in enumerate(results)
  )


@functools.partial(jax.jit, static_argnums=(0, 1), static_argnames='reverse')
def results_and_gradients(loop, mode, inputs, coins, mask, resets, reverse):
  """Of `feedback.run` in one of its modes; inputs as `example` gives them."""

  def loss(inputs):
    params, xs, targets, carry, initial = inputs
    how = {
      'free': (),
      'parallel': (targets,),
      'sampled': (targets, coins),
    }
    results = feedback.run(
      loop,
      params,
      xs,
      *how[mode],
      carry=carry,
      mask=mask,
      resets=resets,
      reverse=reverse,
      initial_carry=initial,
    )
    return score(results), results

  grads, results = jax.grad(loss, has_aux=True)(inputs)
  return results, grads


def exact(name, inputs, coins, reverse):
  """The same in NumPy; target and coin come to the step behind x."""

  def step(p, carry, x_t):
    x_t, target, coin = x_t[:D], x_t[D : D + K], x_t[-1].real
    input_t = np.concatenate([x_t, carry.y])
    inner, h_t = oracle.step(name, p.cell, carry.cell, input_t)
    output_t = h_t @ p.readout.w_o + p.readout.b_o
    return {'cell': inner, 'y': target if coin else output_t}, output_t

  params, xs, targets, carry, initial = inputs
  xs = np.concatenate([xs, targets, coins[..., None]], axis=-1)
  with mock.patch.dict(oracle.STEPS, {'loop': step}):
    return oracle.unroll(
      'loop', params, xs, carry, initial, MASK, RESETS, reverse
    )


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize(
  'name, reverse',
  [
    ('lstm', False),
    pytest.param('lstm', True, marks=pytest.mark.slow),
    pytest.param('gru_reset_before', False, marks=pytest.mark.slow),
  ],
)
def test_values_and_gradients_are_those_of_the_oracle(name, reverse, mode):
  coins = {'free': NEVER, 'sampled': COINS, 'parallel': ALWAYS}[mode]
  inputs = example(name, 'float64')
  with jax.enable_x64(True):
    results, grads = results_and_gradients(
      loop_of(name), mode, inputs, coins, MASK, RESETS, reverse=reverse
    )
  inputs = tuple(map(oracle.as_dicts, inputs))
  assert_close_in_norm(
    tuple(results), exact(name, inputs, coins, reverse), 1e-10
  )

  # The gradient's part along a random direction, for every array.
  flat, structure = jax.tree.flatten(inputs)
  grads = map(np.asarray, jax.tree.leaves(tuple(map(oracle.as_dicts, grads))))
  for i, (x, grad) in enumerate(zip(flat, grads, strict=True)):
    direction = draw(x.shape, i, 'float64')
    moved = [*flat[:i], x + 1e-30j * direction, *flat[i + 1 :]]
    moved = structure.unflatten(moved)
    slope = score(exact(name, moved, coins, reverse)).imag / 1e-30
    error = abs((grad * direction).sum() - slope)
    assert error <= 1e-9 * np.linalg.norm(grad) + 1e-12, (i, error)


@pytest.mark.slow
@pytest.mark.parametrize(
  'name, dtype, reverse, rtol',
  [('lstm', 'float32', False, 1e-5), ('lru', 'float64', True, 1e-10)],
)
def test_all_steps_at_once_are_teacher_forcing(name, dtype, reverse, rtol):
  with jax.enable_x64(dtype == 'float64'):
    at_once, by_step = (
      results_and_gradients(
        loop_of(name),
        mode,
        example(name, dtype),
        ALWAYS,
        MASK,
        RESETS,
        reverse=reverse,
      )
      for mode in ('parallel', 'sampled')
    )
  for a, b in zip(at_once, by_step, strict=True):
    assert_close_in_norm(a, b, rtol)


@pytest.mark.parametrize('mode', mostly_slow([('sampled',)], MODES))
def test_garbage_in_the_padding_changes_no_bit(mode):
  # The slope of tanh at NaN is NaN, and zero times that is NaN as well.
  loop = loop_of('lstm')._replace(join=join_bent)
  params, xs, targets, carry, initial = example('lstm')
  clean, *dirty = (
    results_and_gradients(
      loop,
      mode,
      (
        params,
        np.where(MASK[..., None], xs, garbage),
        np.where(MASK[..., None], targets, garbage),
        carry,
        initial,
      ),
      COINS,
      MASK,
      RESETS,
      reverse=False,
    )
    for garbage in np.float32([0, np.nan, np.inf, 1e6])
  )
  for results in dirty:
    jax.tree.map(np.testing.assert_array_equal, clean, results)
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(clean))


@pytest.mark.parametrize('mode', mostly_slow([('free',)], MODES))
def test_chunks_with_the_carry_passed_on_are_the_whole(mode):
  params, xs, targets, carry, initial = example('lstm')
  how = {'free': (), 'sampled': (targets, COINS), 'parallel': (targets,)}[mode]

  def run(at, carry):
    return feedback.run(
      loop_of('lstm'),
      params,
      xs[at],
      *(x[at] for x in how),
      carry=carry,
      mask=MASK[at],
      resets=RESETS[at],
      initial_carry=initial,
    )

  whole = run(slice(0, T), carry)
  first = run(slice(0, 4), carry)
  second = run(slice(4, T), first.carry)
  ys = np.concatenate([first.outputs, second.outputs])
  assert_close_in_norm((ys, second.carry), whole[:2], 1e-5)


@pytest.mark.parametrize('mode', mostly_slow([('parallel',)], MODES[1:]))
def test_a_document_does_not_see_the_targets_of_the_one_before(mode):
  inputs = example('lstm')
  resets = np.array(NEVER)
  resets[3] = True

  def outputs(targets, initial_y):
    params, xs, _, carry, initial = inputs
    how = (targets, ALWAYS) if mode == 'sampled' else (targets,)
    initial = initial._replace(y=initial_y)
    ys = feedback.run(
      loop_of('lstm'),
      params,
      xs,
      *how,
      carry=carry,
      resets=resets,
      initial_carry=initial,
    ).outputs
    return ys[3]

  d_targets, d_initial = jax.jit(jax.jacrev(outputs, argnums=(0, 1)))(
    inputs[2], inputs[4].y
  )
  np.testing.assert_array_equal(d_targets, 0)
  assert np.abs(d_initial).max() > 0


class FeedbackTest(absltest.TestCase):
  @pytest.mark.slow
  def test_free_running_is_a_loop_over_single_steps(self):
    params, xs, _, carry, _ = example('lstm')
    loop = loop_of('lstm')
    result = feedback.run(loop, params, xs, carry=carry)
    lstm, ys = cells.lstm(), []
    for x_t in xs:
      input_t = jnp.concatenate([x_t, carry.y], axis=-1)
      u_t = jax.vmap(lstm.project, (None, 0))(params.cell, input_t)
      step = functools.partial(cells.step, lstm, params.cell)
      inner, h_t = jax.vmap(step)(carry.cell, u_t)
      y_t = np.asarray(h_t) @ params.readout.w_o + params.readout.b_o
      carry = feedback.LoopCarry(inner, y_t)
      ys.append(y_t)
    assert_close_in_norm(
      (result.outputs, result.carry), (np.stack(ys), carry), 1e-5
    )

  def test_the_coins_pick(self):
    params, xs, targets, carry, _ = example('lstm')
    result = feedback.run(loop_of('lstm'), params, xs, targets, COINS, carry)
    np.testing.assert_array_equal(
      result.carries.y, np.where(COINS[..., None], targets, result.outputs)
    )
    free = feedback.run(loop_of('lstm'), params, xs, targets, NEVER, carry)
    alone = feedback.run(loop_of('lstm'), params, xs, carry=carry)
    jax.tree.map(np.testing.assert_array_equal, free, alone)

  @pytest.mark.slow
  def test_what_a_taught_step_sees_can_be_had_at_once(self):
    _, _, targets, carry, initial = example('lstm')
    for reverse in (False, True):
      scan, associative = (
        recurrence.unroll(
          feedback._delay(),
          None,
          targets,
          carry.y,
          mask=MASK,
          resets=RESETS,
          reverse=reverse,
          initial_carry=initial.y,
          engine=engine,
        )
        for engine in ('scan', 'associative')
      )
      jax.tree.map(np.testing.assert_array_equal, associative, scan)

  def test_jordan_networks_can_be_taught(self):
    xs, targets = draw((T, B, D), 1), draw((T, B, K), 2)
    before = np.concatenate([np.zeros((1, B, K)), targets[:-1]])
    for to in ('hidden', 'output'):
      cell = cells.jordan(to, output_size=K)
      params = jax.jit(cell.init, static_argnums=2)(
        jax.random.key(0), xs[0, 0], H
      )
      w_x, w_y, b_h, w_o, b_o = map(np.asarray, params)
      h = np.tanh(xs @ w_x + b_h + (before @ w_y if to == 'hidden' else 0))
      y = np.tanh(h @ w_o + b_o + (before @ w_y if to == 'output' else 0))
      result = feedback.run(cell, params, xs, targets)
      np.testing.assert_allclose(result.outputs, y, 1e-5, 1e-6)
      np.testing.assert_array_equal(result.carry.y, targets[-1])

  def test_detached_cuts_the_gradient_through_the_output_alone(self):
    params, xs, targets, carry, initial = example('lstm')
    inner_only = lambda c: c._replace(y=jax.lax.stop_gradient(c.y))
    cell = feedback.closed(loop_of('lstm'))

    def by_hand(params, targets):
      state, total = carry, 0.0
      step = jax.vmap(functools.partial(cells.step, cell), (None, 0, 0))
      for x_t, target, coin in zip(xs, targets, COINS, strict=True):
        state, y_t = step(params, state, x_t)
        state = inner_only(state)
        state = state._replace(y=jnp.where(coin[:, None], target, state.y))
        total += score((y_t,))
      return total

    def ours(params, targets):
      result = feedback.run(
        forcing.detached(cell), params, xs, targets, COINS, carry
      )
      return sum(score((y_t,)) for y_t in result.outputs)

    a, b = (
      jax.jit(jax.grad(f, argnums=(0, 1)))(params, targets)
      for f in (ours, by_hand)
    )
    assert_close_in_norm(a, b, 1e-5)
    self.assertGreater(np.abs(a[1]).max(), 0)

  def test_no_steps_at_all(self):
    params, xs, targets, carry, _ = example('lstm')
    for how in ((), (targets[:0],), (targets[:0], COINS[:0])):
      result = feedback.run(loop_of('lstm'), params, xs[:0], *how, carry=carry)
      self.assertEqual(result.outputs.shape, (0, B, K))
      jax.tree.map(np.testing.assert_array_equal, result.carry, carry)

  def test_a_loop_is_a_layer(self):
    # A learned carry is a learned first input, and the numbers of the cell's
    # init are those of the loop's.
    module = layers.Recurrent(
      feedback.closed(loop_of('lstm')),
      (H,),
      initial_carry='learned',
      init_options={'forget_bias': 5.0},
    )
    xs = draw((T, B, D), 1)
    params = jax.jit(module.init)(jax.random.key(0), xs)
    loop_params = params['params']['layer_0']
    np.testing.assert_array_equal(loop_params.cell.b[H : 2 * H], 5)
    loss = lambda p: module.apply(p, xs).outputs.sum()
    grads = jax.jit(jax.grad(loss))(params)
    self.assertGreater(np.abs(grads['params']['layer_0_initial'].y).max(), 0)

  def test_integers_beside_it_do_not_round_what_is_fed_back(self):
    y = jnp.array([0.5])
    joined = feedback.concatenate(jnp.array([3]), y)
    np.testing.assert_array_equal(joined, [3.0, 0.5])

  def test_mistakes_are_sentences(self):
    params, xs, targets, carry, _ = example('lstm')
    loop = loop_of('lstm')
    for how in ((targets[..., :1],), (targets[..., :1], COINS)):
      with self.assertRaisesRegex(errors.UserError, r'one of float32\[1\]'):
        feedback.run(loop, params, xs, *how, carry=carry)
    with self.assertRaisesRegex(errors.UserError, r'one of int32\[2\]'):
      feedback.run(loop, params, xs, targets.astype(np.int32))
    with self.assertRaisesRegex(errors.UserError, 'scheduled_sampling.coins'):
      feedback.run(loop, params, xs, targets, np.ones((T, B), np.float32))
    for build in (forcing.forced, forcing.detached):
      cell, xs_of = cells.gru(), xs
      if build is forcing.forced:
        xs_of = forcing.Forced(xs, targets, COINS)
      with self.assertRaisesRegex(errors.UserError, r"field `y`.*\['h'\]"):
        recurrence.unroll(
          build(cell), cell.init(jax.random.key(0), xs[0, 0], H), xs_of
        )
    with self.assertRaisesRegex(errors.UserError, 'give targets too'):
      feedback.run(loop, params, xs, None, COINS)
    with self.assertRaisesRegex(errors.UserError, 'targets must begin with'):
      feedback.run(loop, params, xs, targets[1:])
    with self.assertRaisesRegex(errors.UserError, 'coins must begin with'):
      feedback.run(loop, params, xs, targets, COINS.T)
    with self.assertRaisesRegex(errors.UserError, 'takes xs as Forced'):
      recurrence.unroll(forcing.forced(feedback.closed(loop)), params, xs)


if __name__ == '__main__':
  absltest.main()
