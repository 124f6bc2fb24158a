"""Held-out text in batches against the same text in one pass."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
from absl.testing import absltest, parameterized

from seqjax import cells, data, layers, models, training

N, V, H = 50, 6, 4
TOKENS = np.random.default_rng(0).integers(0, V, N)
STREAM = data.Streams(TOKENS, 1, 7)


# A number for every pair of tokens: their sum tells which were counted.
CODES = np.random.default_rng(1).normal(size=(V, V)).astype(np.float32)


@functools.cache
def trained():
  """The task, its compiled evaluation, and parameters that are not zero."""
  model = models.LanguageModel(V, 3, layers.Recurrent(cells.gru(), (H,)))
  task = models.language_model.task(model, unit='char')

  def loss(params, carry, batch, key, hparams):
    total, aux = task.loss(params, carry, batch, key, hparams)
    codes = jnp.asarray(CODES)[batch.inputs, batch.targets]
    code = {'code': (jnp.sum(batch.weights * codes), aux.weight)}
    return total, aux._replace(metrics=aux.metrics | code)

  coding = task._replace(loss=loss)
  shapes = jax.eval_shape(task.init, jax.random.key(0), STREAM(0))
  rng = np.random.default_rng(2)
  params = jax.tree.map(
    lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), shapes
  )
  return coding, training.make_eval_step(coding), params


def by_rows(params, num_rows):
  """Mean nats in float64, each row in one pass, one step after another."""
  params = params['params']
  weights, scores = params['recurrent']['layer_0'], params['scores']
  length = -(-(N - 1) // num_rows)
  total = 0.0
  for position, (token, target) in enumerate(itertools.pairwise(TOKENS)):
    if position % length == 0:
      carry = {'h': np.zeros(H)}
    e_t = np.asarray(params['embedding']['embedding'][token], np.float64)
    carry, h_t = oracle.step('gru', weights, carry, e_t)
    logits = h_t @ scores['kernel'] + scores['bias']
    total += np.log(np.exp(logits).sum()) - logits[target]
  return total / (N - 1)


class EvaluateTest(parameterized.TestCase):
  @parameterized.parameters((1, 7), (1, 49), (2, 5), (5, 4))
  def test_it_equals_each_row_in_one_pass(self, num_rows, window):
    task, eval_step, params = trained()
    stream = data.Streams(TOKENS, num_rows, window)
    found = training.evaluate(
      task, eval_step, params, stream, stream.batches_per_epoch
    )
    expected = by_rows(params, num_rows)
    self.assertAlmostEqual(found['nats_per_char'], expected, delta=1e-5)
    self.assertAlmostEqual(
      found['bits_per_char'], expected / np.log(2), delta=1e-5
    )
    # Every transition counts once, whatever the windows are.
    codes = CODES[TOKENS[:-1], TOKENS[1:]].sum() / (N - 1)
    self.assertAlmostEqual(found['code'], codes, delta=1e-5)

  def test_the_carry_matters(self):
    task, eval_step, params = trained()
    forgetful = lambda params, carry, batch: (
      task.carry(params, 1),
      eval_step(params, task.carry(params, 1), batch)[1],
    )
    found, other = (
      training.evaluate(task, step, params, STREAM, STREAM.batches_per_epoch)
      for step in (eval_step, forgetful)
    )
    self.assertNotAlmostEqual(
      found['nats_per_char'], other['nats_per_char'], delta=1e-4
    )

  def test_only_the_first_batches_are_read_where_fewer_are_asked(self):
    task, eval_step, params = trained()
    asked = []

    def batches(index):
      asked.append(index)
      return STREAM(index)

    training.evaluate(task, eval_step, params, batches, 3)
    self.assertEqual(set(asked), {0, 1, 2})


if __name__ == '__main__':
  absltest.main()
