"""What a model of frames promises: no look ahead, the sum over the notes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, data, errors, layers, models
from seqjax.layers import drop

T, B, D = 5, 3, 7
SIZES = (4, 6)


@functools.cache
def make(cell='elman', **options):
  recurrent = layers.Recurrent(cells.CELLS[cell](), SIZES, **options)
  return models.FrameModel(D, recurrent)


@functools.partial(jax.jit, static_argnums=0)
def apply(model, params, *inputs, **options):
  return model.apply(params, *inputs, **options)


def example(seed=0):
  """A batch of rows of T, 2 and no valid steps."""
  random = np.random.default_rng(seed)
  frames = random.integers(0, 2, (T + 1, B, D), np.uint8)
  mask = np.arange(T)[:, None] < np.array([T, 2, 0])
  resets = np.zeros_like(mask)
  resets[0] = True
  return data.Batch(
    frames[:-1], frames[1:], mask, mask.astype(np.float32), resets
  )


def params_of(model, seed=0):
  """Random parameters, nothing at zero, a learned carry included."""
  frames = jax.ShapeDtypeStruct((1, B, D), jnp.uint8)
  shapes = jax.eval_shape(model.init, jax.random.key(0), frames)
  random = np.random.default_rng(seed)
  return jax.tree.map(
    lambda x: jnp.asarray(0.5 * random.normal(size=x.shape), x.dtype), shapes
  )


class ReadingTest(parameterized.TestCase):
  def test_a_score_depends_on_all_frames_before_and_on_no_other(self):
    model = make(cell='gru')
    params = params_of(model)
    frames = jnp.asarray(example().inputs, jnp.float32)
    read = lambda frames: model.apply(params, frames)[0]
    jacobian = jax.jit(jax.jacrev(read))(frames)  # [T, B, D, T, B, D]
    strength = np.abs(jacobian).max(axis=(2, 5))
    for t, b, s, other in np.ndindex(strength.shape):
      found = strength[t, b, s, other]
      if b == other and s <= t:
        self.assertGreater(found, 0)
      else:
        self.assertEqual(found, 0)

  @parameterized.parameters('bidirectional', 'reverse')
  def test_a_network_that_reads_ahead_is_refused(self, name):
    with self.assertRaisesRegex(errors.UserError, f'{name}=False'):
      make(**{name: True})

  @parameterized.parameters('zero', 'learned')
  def test_frame_by_frame_equals_the_whole(self, initial):
    model = make(initial_carry=initial)
    params, batch = params_of(model), example()
    whole, last = apply(model, params, batch.inputs)
    step = jax.jit(models.frame_model.step(model))
    carry = models.frame_model.carry(model)(params, B)
    for frame, expected in zip(batch.inputs, whole, strict=True):
      carry, logits = step(params, carry, frame)
      np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(carry[1].h, last[1].h, rtol=1e-5)

  def test_dropout_stands_between_the_layers_and_before_the_scores(self):
    model, batch, seen = make(), example(), []
    params = params_of(model)  # Kept for other tests: not made while traced.

    def record(key, x, rate, **_):
      seen.extend([x.shape[-1]] if rate else [])
      return x

    replace = absltest.mock.patch.object
    with replace(layers, 'dropout', record), replace(drop, 'dropout', record):
      jax.eval_shape(
        lambda key: model.apply(
          params, batch.inputs, key=key, dropout_rate=0.5
        ),
        jax.random.key(0),
      )
    self.assertEqual(seen, list(SIZES))


class TaskTest(parameterized.TestCase):
  def test_the_loss_is_the_sum_over_the_notes_a_mean_over_valid_frames(self):
    model, batch = make(), example()
    params, task = params_of(model), models.frame_model.task(make())
    total, aux = task.loss(params, (), batch, None, {})
    logits, _ = apply(
      model, params, batch.inputs, mask=batch.mask, resets=batch.resets
    )
    p = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    nats = -np.log(np.where(batch.targets, p, 1 - p)).sum(axis=-1)
    expected = sum(nats[t, b] for t, b in np.ndindex(T, B) if batch.mask[t, b])
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    self.assertEqual(aux.weight, T + 2)
    self.assertEqual(aux.metrics['nats_per_frame'], (total, aux.weight))
    self.assertEqual(aux.carry, ())
    self.assertEqual(task.carry(params, B), ())

  def test_padding_is_invisible(self):
    model, batch = make(), example()
    params, task = params_of(model), models.frame_model.task(make())
    hidden = ~batch.mask[..., None]
    dirty = batch._replace(
      inputs=np.where(hidden, np.uint8(99), batch.inputs),
      targets=np.where(hidden, np.uint8(77), batch.targets),
    )

    @jax.jit
    @jax.value_and_grad
    def nats(params, batch):
      return task.loss(params, (), batch, None, {})[0]

    for found, expected in zip(
      jax.tree.leaves(nats(params, dirty)),
      jax.tree.leaves(nats(params, batch)),
      strict=True,
    ):
      np.testing.assert_array_equal(found, expected)

  def test_a_learned_carry_learns_from_the_beginning_of_a_piece(self):
    model, batch = make(initial_carry='learned'), example()
    task = models.frame_model.task(model)
    grads = jax.jit(
      jax.grad(lambda params: task.loss(params, (), batch, None, {})[0])
    )(params_of(model))['params']['recurrent']
    self.assertGreater(np.abs(grads['layer_0_initial']).max(), 0)

  @parameterized.parameters('dropout_rate', 'weight_noise', 'temporal_penalty')
  def test_hparams_reach_it(self, name):
    model, batch = make(), example()
    task, params = models.frame_model.task(model), params_of(model)
    plain, changed = (
      task.loss(params, (), batch, jax.random.key(0), hparams)[0]
      for hparams in ({}, {name: jnp.float32(0.3)})
    )
    self.assertGreater(abs(plain - changed), 1e-3)

  def test_the_registry_names_it(self):
    self.assertIs(models.MODELS['frame_model'], models.FrameModel)


if __name__ == '__main__':
  absltest.main()
