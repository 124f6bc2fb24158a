"""The engine `associative` is the engine `scan`, whatever the carries."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from closeness import assert_close
from examples import BUILDERS, B, D, T, draw, example, mostly_slow

from seqjax import recurrence

LINEAR = [n for n, make in BUILDERS.items() if make().linear is not None]
# A hole, a reset in the hole, two resets in a row, at both ends, and beside a
# masked step; a row without a valid step.
MASK = np.ones((T, B), bool)
MASK[2:4, 1] = MASK[:3, 2] = MASK[4:, 3] = MASK[:, 4] = False
RESETS = np.zeros((T, B), bool)
RESETS[[0, 3, 4], 0] = RESETS[[2, 5], 1] = RESETS[3, 2] = RESETS[2, 4] = True
EVERYWHERE, NOWHERE = np.ones((T, B), bool), np.zeros((T, B), bool)
EVERY = mostly_slow([('lru', False)], LINEAR, (False, True))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def run(name, engine, reverse, params, xs, carry, initial, mask, resets):
  return recurrence.unroll(
    BUILDERS[name](),
    params,
    xs,
    carry,
    initial_carry=initial,
    mask=mask,
    resets=resets,
    reverse=reverse,
    engine=engine,
  )


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def gradients(name, engine, reverse, params, xs, carry, initial, mask, resets):
  """Of a number that every entry of every result enters in its own way."""

  def score(*inputs):
    results = run(name, engine, reverse, *inputs, mask, resets)
    return sum(
      jnp.sum(draw(x.shape, seed, x.dtype) * (x + x * x))
      for seed, x in enumerate(jax.tree.leaves(results))
    )

  return jax.grad(score, argnums=(0, 1, 2, 3))(params, xs, carry, initial)


@pytest.mark.parametrize('name, reverse', EVERY)
def test_it_computes_what_scan_does(name, reverse):
  with jax.enable_x64(True):
    inputs = example(name, jnp.float64)
    for mask, resets in ((MASK, RESETS), (EVERYWHERE, NOWHERE)):
      for function in (run, gradients):
        ours, exact = (
          function(name, engine, reverse, *inputs, mask, resets)
          for engine in ('associative', 'scan')
        )
        assert_close(ours, exact, 1e-10)


@pytest.mark.parametrize('name, reverse', EVERY)
def test_garbage_in_the_padding_changes_no_bit(name, reverse):
  params, xs, carry, initial = example(name)
  clean, dirty = (
    jnp.where(MASK[..., None], xs, garbage) for garbage in (0.0, jnp.nan)
  )
  for function in (run, gradients):
    a, b = (
      function(
        name, 'associative', reverse, params, x, carry, initial, MASK, RESETS
      )
      for x in (clean, dirty)
    )
    jax.tree.map(np.testing.assert_array_equal, a, b)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(b))


@pytest.mark.parametrize('name, reverse', EVERY)
def test_chunks_with_the_carry_passed_on_are_the_whole(name, reverse):
  params, xs, carry, initial = example(name)
  whole = run(
    name, 'associative', reverse, params, xs, carry, initial, MASK, RESETS
  )
  chunks = [slice(0, 1), slice(1, T)]
  outputs = {}
  for i in (1, 0) if reverse else (0, 1):
    at = chunks[i]
    outputs[i], carry, _ = run(
      name,
      'associative',
      reverse,
      params,
      xs[at],
      carry,
      initial,
      MASK[at],
      RESETS[at],
    )
  whole_outputs, last, _ = whole
  joined = np.concatenate([outputs[0], outputs[1]])
  np.testing.assert_allclose(joined, whole_outputs, 1e-5, 1e-5)
  assert_close(carry, last, 1e-5)


@pytest.mark.parametrize(
  'name, reverse',
  mostly_slow([('lru', True)], ('lru', 'rg_lru'), (False, True)),
)
def test_nothing_crosses_a_reset(name, reverse):
  params, xs, carry, initial = example(name)
  resets = np.array(NOWHERE)
  resets[3] = True

  def reach(resets):
    jacobian = jax.jacrev(
      lambda xs: run(
        name,
        'associative',
        reverse,
        params,
        xs,
        carry,
        initial,
        EVERYWHERE,
        resets,
      ).outputs[:, 0]
    )(xs)[:, :, :, 0]
    return np.abs(jacobian).max(axis=(1, 3))  # [t of y, t of x]

  past = np.tril(np.ones((T, T), bool))
  seen = past.T if reverse else past
  within = np.kron(np.eye(2), np.ones((3, 3))).astype(bool)
  for reached, allowed in (
    (reach(NOWHERE), seen),
    (reach(resets), seen & within),
  ):
    assert (reached[allowed] > 0).all()
    np.testing.assert_array_equal(reached[~allowed], 0)


@pytest.mark.parametrize('reverse', (False, True))
@pytest.mark.parametrize('name', ('lru', 'min_gru'))
def test_a_reset_clears_what_is_no_number(name, reverse):
  params, xs, carry, initial = jax.tree.map(np.array, example(name))
  resets = np.zeros((T, B), bool)
  resets[T // 2] = True
  first = slice(T // 2, T) if reverse else slice(0, T // 2)
  xs[first, 1] = np.nan
  carry = jax.tree.map(lambda c: np.full_like(c, np.inf), carry)
  resets[T // 2 if reverse else 0, 0] = True

  def outputs(engine):
    return recurrence.unroll(
      BUILDERS[name](),
      params,
      xs,
      carry,
      initial_carry=initial,
      resets=resets,
      reverse=reverse,
      engine=engine,
    ).outputs

  second = slice(0, T // 2) if reverse else slice(T // 2, T)
  ours, exact = (np.asarray(outputs(e)) for e in ('associative', 'scan'))
  assert np.isfinite(exact[second]).all()
  np.testing.assert_allclose(ours[second], exact[second], 1e-4, 1e-5)


@pytest.mark.parametrize('name', ('lru', 'min_gru'))
def test_no_steps_at_all(name):
  params, _, carry, initial = example(name)
  inputs = jnp.zeros((0, B, D)), carry, initial
  none = np.zeros((0, B), bool)
  for reverse in (False, True):
    outputs, last, _ = run(
      name,
      'associative',
      reverse,
      params,
      *inputs,
      none,
      none,
    )
    assert outputs.shape[:2] == (0, B)
    jax.tree.map(np.testing.assert_array_equal, last, carry)


@pytest.mark.slow
@pytest.mark.parametrize('name', ('lru', 'rg_lru'))
def test_forward_mode_and_a_jvp_of_the_gradient(name):
  params, xs, carry, initial = example(name)
  direction = draw(xs.shape, 9)

  def both(engine):
    outputs = lambda xs: (
      run(name, engine, False, params, xs, carry, initial, MASK, RESETS).outputs
    )
    grad = jax.grad(lambda xs: jnp.sum(outputs(xs) ** 3))
    forward = lambda function: jax.jvp(function, (xs,), (direction,))[1]
    return forward(outputs), forward(grad)

  ours, exact = map(both, ('associative', 'scan'))
  assert all(np.abs(x).max() > 0 for x in exact)
  assert_close(ours, exact, 1e-4)


@pytest.mark.slow
def test_a_factor_that_underflows_forgets():
  params, xs, carry, initial = example('rg_lru')
  inputs = (xs, carry, initial, EVERYWHERE, NOWHERE)
  # exp(-8 * 0.5 * decay): from what a product of three underflows, to zero.
  for decay in (10.0, 25.0, 1e3):
    params = params._replace(decay=jnp.full_like(params.decay, decay))
    for function in (run, gradients):
      ours, exact = (
        function('rg_lru', engine, False, params, *inputs)
        for engine in ('associative', 'scan')
      )
      assert all(np.isfinite(x).all() for x in jax.tree.leaves(ours))
      assert_close(ours, exact, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize('name', ('lru', 'min_gru', 'min_lstm', 'rg_lru'))
def test_four_thousand_steps_in_float32(name):
  steps, size = 4096, 16
  cell = BUILDERS[name]()

  def outputs(engine, dtype):
    xs = draw((steps, 2, D), 1, dtype)
    options = {'r_min': 0.99} if 'lru' in name else {}
    params = cell.init(
      jax.random.key(0), jnp.zeros(D, jnp.float32), size, **options
    )
    params = jax.tree.map(lambda p: p.astype(dtype), params)
    unroll = jax.jit(
      lambda params, xs: (
        recurrence.unroll(cell, params, xs, engine=engine).outputs
      )
    )
    return np.float64(unroll(params, xs))

  with jax.enable_x64(True):
    exact = outputs('scan', jnp.float64)
    for engine in ('scan', 'associative'):
      assert_close(outputs(engine, jnp.float32), exact, 1e-4)
