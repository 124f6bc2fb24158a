"""Tests for `shared` of seqjax.models.task."""

import flax
import jax
import numpy as np
from absl.testing import absltest

from seqjax import cells, data, layers, models
from seqjax.models import task as task_lib


def make(cell='lstm', **init_options):
  recurrent = layers.Recurrent(
    cells.CELLS[cell](), (4,), init_options=flax.core.freeze(init_options)
  )
  return models.LanguageModel(5, 3, recurrent)


class SharedTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.built = []

    @task_lib.shared
    def build(model, *args, **options):
      """A builder."""
      self.built.append((model, args, options))
      return lambda: model

    self.build = build

  def test_equal_models_share_what_is_built(self):
    self.assertIs(self.build(make()), self.build(make()))
    self.assertLen(self.built, 1)

  def test_others_do_not(self):
    made = {
      self.build(make()),
      self.build(make('gru')),
      self.build(make(), 3),
      self.build(make(), unit='char'),
    }
    self.assertLen(made, 4)

  def test_how_weights_begin_is_no_difference(self):
    a, b = make(forget_bias=1.0), make(forget_bias=2.0)
    self.assertNotEqual(a, b)
    self.assertIs(self.build(a), self.build(b))

  def test_what_has_no_hash_is_built_each_time(self):
    odd = layers.Recurrent(
      cells.CELLS['lstm'](), (4,), init_options={'forget_bias': [2.0]}
    )
    with self.assertRaises(TypeError):
      hash(odd)
    self.assertIsNot(self.build(odd), self.build(odd))
    self.assertIs(self.build(odd)(), odd)

  def test_an_error_is_raised_each_time(self):
    @task_lib.shared
    def build(model):
      raise TypeError('no such cell')

    for _ in range(2):
      with self.assertRaisesRegex(TypeError, 'no such cell'):
        build(make())

  def test_it_keeps_its_name(self):
    names = self.build.__name__, self.build.__doc__
    self.assertEqual(names, ('build', 'A builder.'))


class TaskTest(absltest.TestCase):
  def test_weights_begin_as_each_says_though_the_loss_is_shared(self):
    tasks = [
      models.language_model.task(make(forget_bias=x)) for x in (1.0, 5.0)
    ]
    self.assertIs(tasks[0].loss, tasks[1].loss)
    self.assertIs(tasks[0].carry, tasks[1].carry)
    batch = self._batch()
    a, b = (x.init(jax.random.key(0), batch) for x in tasks)
    differences = [
      float(np.abs(np.asarray(x) - np.asarray(y)).max())
      for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    ]
    self.assertEqual(sorted(differences)[-2:], [0.0, 4.0])

  def test_units_are_told_apart(self):
    of = lambda unit: models.language_model.task(make(), unit).loss
    self.assertIs(of('char'), of('char'))
    self.assertIsNot(of('char'), of('token'))

  def _batch(self):
    tokens = np.zeros((2, 1), np.int32)
    every = np.ones((2, 1), bool)
    return data.Batch(tokens, tokens, every, every.astype('f4'), ~every)


if __name__ == '__main__':
  absltest.main()
