"""Held-out text in batches against the same text in one pass."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, data, layers, models, training

N, V = 50, 6
TOKENS = np.random.default_rng(0).integers(0, V, N)


@functools.cache
def trained():
  """The task, its compiled evaluation, and parameters that are not zero."""
  model = models.LanguageModel(V, 3, layers.Recurrent(cells.gru(), (4,)))
  task = models.language_model.task(model, unit='char')

  def loss(params, carry, batch, key, hparams):
    """The task's loss, and which transitions were counted how often."""
    total, aux = task.loss(params, carry, batch, key, hparams)
    pairs = jax.nn.one_hot(batch.inputs * V + batch.targets, V * V)
    counted = jnp.sum(batch.weights[..., None] * pairs, axis=(0, 1))
    places = {f'pair_{i}': (x, 1.0) for i, x in enumerate(counted)}
    return total, aux._replace(metrics=aux.metrics | places)

  counting = task._replace(loss=loss)
  params = jax.jit(task.init)(jax.random.key(0), data.Streams(TOKENS, 1, 1)(0))
  params = jax.tree.map(lambda x: 2 * x, params)
  return counting, training.make_eval_step(counting), params


def by_rows(params, num_rows):
  """Nats of each row in one pass, without windows."""
  task, _, _ = trained()
  length = -(-(N - 1) // num_rows)
  total = 0.0
  for start in range(0, N - 1, length):
    row = TOKENS[start : start + length + 1].astype(np.int32)[:, None]
    every = np.ones_like(row[1:], bool)
    batch = data.Batch(
      row[:-1], row[1:], every, every.astype(np.float32), ~every
    )
    total += task.loss(params, task.carry(params, 1), batch, None, {})[0]
  return total


class EvaluateTest(parameterized.TestCase):
  @parameterized.parameters((1, 7), (1, 49), (2, 5), (5, 4))
  def test_it_equals_each_row_in_one_pass(self, num_rows, window):
    task, eval_step, params = trained()
    stream = data.Streams(TOKENS, num_rows, window)
    found = training.evaluate(
      task, eval_step, params, stream, stream.batches_per_epoch
    )
    expected = by_rows(params, num_rows) / (N - 1)
    self.assertAlmostEqual(found['nats_per_char'], expected, delta=1e-5)
    self.assertAlmostEqual(
      found['bits_per_char'], expected / np.log(2), delta=1e-5
    )
    # Every transition counts once, whatever the windows are.
    counts = np.zeros((V, V))
    np.add.at(counts, (TOKENS[:-1], TOKENS[1:]), 1)
    np.testing.assert_allclose(
      [found[f'pair_{i}'] * stream.batches_per_epoch for i in range(V * V)],
      counts.ravel(),
      atol=1e-4,
    )

  def test_the_carry_matters(self):
    task, eval_step, params = trained()
    stream = data.Streams(TOKENS, 1, 7)
    forgetful = lambda params, carry, batch: (
      task.carry(params, 1),
      eval_step(params, task.carry(params, 1), batch)[1],
    )
    found, other = (
      training.evaluate(task, step, params, stream, stream.batches_per_epoch)
      for step in (eval_step, forgetful)
    )
    self.assertNotAlmostEqual(
      found['nats_per_char'], other['nats_per_char'], delta=1e-4
    )

  def test_only_the_first_batches_are_read_where_fewer_are_asked(self):
    task, eval_step, params = trained()
    stream, asked = data.Streams(TOKENS, 2, 5), []

    def batches(index):
      asked.append(index)
      return stream(index)

    training.evaluate(task, eval_step, params, batches, 3)
    self.assertEqual(set(asked), {0, 1, 2})


if __name__ == '__main__':
  absltest.main()
