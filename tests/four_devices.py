"""Runs in a process of its own, by `training/devices_test.py`."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, data, errors, layers, models, training
from seqjax.data.vision import captioned
from seqjax.training import devices, state, tbptt

B, V, STEPS = 4, 9, 3
RNG = np.random.default_rng(0)
# A rate that makes a wrong mask visible, and numbers that no case reads alone.
HPARAMS = {'learning_rate': 0.01, 'clip_norm': 1.0, 'dropout_rate': 0.3}


def recurrent(size=5):
  return layers.Recurrent(cells.lstm(), (size,))


def language_model():
  streams = data.Streams(RNG.integers(0, V, 400), B, 6)
  model = models.LanguageModel(V, 3, recurrent())
  task = models.language_model.task(model)
  return task._replace(loss=tbptt.truncate(task.loss, 6, 3)), streams


def plan_of(lengths):
  return data.Buckets(np.array(lengths), B, 1)


def classifier():
  lengths = RNG.integers(1, 8, 20)
  sequences = [RNG.integers(0, V, n).astype(np.int32) for n in lengths]
  targets = RNG.integers(0, 3, 20)
  batches = data.sequence_batches(sequences, targets, plan_of(lengths))
  return models.classifier.task(
    models.Classifier(3, recurrent(), 'attention', V, 3)
  ), batches


def captioner():
  lengths = RNG.integers(1, 6, 20)
  # As high as there are rows: the shape alone does not say which axis is which.
  pictures = RNG.integers(0, 256, (20, B, 8, 3)).astype(np.uint8)
  targets = [RNG.integers(0, V - 1, n).astype(np.int32) for n in lengths]
  batches = captioned.caption_batches(
    pictures, range(20), targets, V - 1, plan_of(lengths + 1)
  )
  decoder = models.Decoder(V, recurrent(7), embedding_size=5)
  model = models.Captioner(layers.Regions((4, 6)), decoder)
  return models.captioner.task(model), batches


def forgetful():
  """Its new carry is a constant, which by itself would lie on every device."""
  task, batches = language_model()

  def loss(*arguments):
    total, aux = task.loss(*arguments)
    return total, aux._replace(carry=jax.tree.map(jnp.zeros_like, aux.carry))

  return task._replace(loss=loss), batches


CASES = {
  function.__name__: function()
  for function in (language_model, forgetful, classifier, captioner)
}
OPTIMIZER = training.make_optimizer('adam', 'constant', 100)


@functools.cache
def begin(case):
  task, batches = CASES[case]
  return jax.device_get(state.create(task, OPTIMIZER, batches(0), seed=0))


@functools.cache
def placed(case, num_devices):
  """Where its arrays lie, and its step."""
  placement = devices.Placement(num_devices)
  return placement, training.make_train_step(
    CASES[case][0], OPTIMIZER, placement.out_shardings
  )


def run(case, num_devices, now=None, steps=STEPS):
  """The state after so many steps, as NumPy arrays; and the metrics."""
  placement, step = placed(case, num_devices)
  now = begin(case) if now is None else now
  first = int(now.step)
  hparams = {name: jnp.float32(x) for name, x in HPARAMS.items()}
  hparams['seed'] = jnp.uint32(0)
  now = placement.state(jax.tree.map(jnp.array, now))
  lies = jax.tree.map(lambda x: x.sharding, now)
  for index in range(first, first + steps):
    batch = placement.batch(CASES[case][1](index))
    now, _, metrics = step(now, batch, hparams)
    assert jax.tree.map(lambda x: x.sharding, now) == lies
  assert step._cache_size() == 1
  return jax.tree.map(np.array, placement.fetch(now)), jax.device_get(metrics)


class DevicesTest(parameterized.TestCase):
  cases = ()

  def assert_close(self, found, wanted):
    """Up to the order of sums, which Adam makes more of near zero."""
    jax.tree.map(
      lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5),
      found,
      wanted,
    )

  def test_a_step_is_the_same_on_any_number(self):
    for case, num_devices in itertools.product(self.cases, (2, 4)):
      with self.subTest(case, num_devices=num_devices):
        self.assert_close(run(case, num_devices), run(case, 1))


class OthersTest(DevicesTest):
  cases = 'classifier', 'captioner'


class LanguageModelTest(DevicesTest):
  cases = 'language_model', 'forgetful'

  @parameterized.parameters(1, 4)
  def test_a_state_goes_on_on_another_number(self, num_devices):
    case = 'language_model'
    found = run(case, num_devices, run(case, 2)[0])
    self.assert_close(found, run(case, 1, steps=2 * STEPS))

  def test_rows_lie_on_their_devices(self):
    placement = devices.Placement(2)
    _, batches = CASES['captioner']
    found = placement.batch(batches(0))
    mine = jax.tree.map(lambda x: x.addressable_data(0).shape, found)
    steps = len(found.mask)
    self.assertEqual(mine.inputs.pictures, (B // 2, B, 8, 3))
    self.assertEqual(mine.inputs.written, (steps, B // 2))
    self.assertEqual(mine.mask, (steps, B // 2))
    whole = begin('language_model')
    found = placement.state(whole)
    self.assertEqual(found.carry[0].h.addressable_data(1).shape, (B // 2, 5))
    self.assert_close(devices.local(found.params), whole.params)

  def test_rows_that_cannot_be_split_are_a_sentence(self):
    _, batches = CASES['language_model']
    with self.assertRaisesRegex(errors.UserError, '4 sequences .* 3 devices'):
      devices.Placement(3).batch(batches(0))

  def test_no_more_than_there_are(self):
    with self.assertRaisesRegex(errors.UserError, 'num_devices=5: .* has 4'):
      devices.Placement(5)
    self.assertEqual(devices.count(0), 1)


if __name__ == '__main__':
  devices.split_cpu(4)
  absltest.main()
