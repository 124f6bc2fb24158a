"""What the loop writes, and when."""

import jax
import jax.numpy as jnp
import numpy as np
import small_run
from absl.testing import absltest

from seqjax import errors, training


class RunTest(small_run.LoopTestCase):
  def test_every_step_has_a_line_and_every_evaluation_one(self):
    self.fit()
    self.assertEqual(
      self.steps_of('train/'), list(range(1, small_run.STEPS + 1))
    )
    self.assertEqual(self.steps_of('valid/'), [0, 4, 8, 10])
    order = [line['step'] for line in self.lines()]
    self.assertEqual(order, sorted(order))
    for line in self.lines():
      if 'train/error' in line:
        self.assertSameElements(
          line, ['step', 'train/error', 'train/grad_norm']
        )

  def test_an_evaluation_sees_the_parameters_after_its_step(self):
    self.fit(eval_every=1)
    found = dict(self.evaluated)
    self.assertEqual(sorted(found), list(range(small_run.STEPS + 1)))
    for steps in (4, 9):
      _, params = self.fit(f'only_{steps}', steps=steps)
      self.assertEqual(found[steps].tobytes(), params)
    np.testing.assert_array_equal(
      found[0], jax.random.normal(jax.random.key(3), (small_run.D,))
    )

  def test_the_lines_are_the_losses_of_the_batches_in_order(self):
    seen = []

    def batches(index):
      seen.append(index)
      return small_run.batch_of(index)

    self.fit(batches=batches, hparams={'learning_rate': 0.0})
    # The first call only asks for shapes.
    self.assertEqual(seen[-small_run.STEPS :], list(range(small_run.STEPS)))
    params, carry = (
      {'w': jnp.asarray(self.evaluated[0][1])},
      jnp.zeros(small_run.B),
    )
    for n, line in enumerate(x for x in self.lines() if 'train/error' in x):
      key = jax.random.fold_in(jax.random.fold_in(jax.random.key(3), n), 0)
      total, aux = small_run.loss(params, carry, small_run.batch_of(n), key, {})
      carry = aux.carry
      np.testing.assert_allclose(
        line['train/error'], total / aux.weight, rtol=1e-5
      )

  def test_the_result_holds_the_newest_value_of_every_metric(self):
    self.fit()
    self.assertSameElements(
      self.metrics, ['train/error', 'train/grad_norm', 'valid/norm']
    )
    expected = {k: v for x in self.lines() for k, v in x.items() if k != 'step'}
    for name, value in expected.items():
      self.assertAlmostEqual(self.metrics[name], value, places=5)

  def test_what_the_clock_says_goes_to_timing_alone(self):
    self.fit()
    timing = self.lines(kind='timing')
    self.assertEqual([x['step'] for x in timing], [0, 4, 8, 10, 10])
    for line in timing:
      self.assertGreater(line['peak_memory_mb'], 1)
      self.assertIn('chars_per_s', line)
    self.assertGreater(timing[-1]['chars_per_s'], 0)
    self.assertGreaterEqual(timing[0]['evaluation_s'], 0)
    names = {name for line in self.lines() for name in line}
    self.assertFalse([n for n in names if n.endswith(('_s', '_mb'))])

  def test_the_step_is_traced_once(self):
    traces = []

    def traced(*args):
      traces.append(1)
      return small_run.loss(*args)

    self.fit(task=small_run.TASK._replace(loss=traced))
    self.assertLen(traces, 1)
    # What is restored has the shapes, dtypes and places of what was saved.
    self.fit(
      task=small_run.TASK._replace(loss=traced), steps=2 * small_run.STEPS
    )
    self.assertLen(traces, 1)

  def test_another_seed_is_another_run_on_the_same_data(self):
    self.assertNotEqual(self.fit('one')[1], self.fit('two', seed=4)[1])
    self.assertEqual(self.fit('one')[1], self.fit('three')[1])

  def test_an_evaluation_is_followed_by_what_it_demonstrates(self):
    self.fit()
    for step, params in self.evaluated:
      place = self.said.index(f'w[0] = {params[0]}')
      self.assertStartsWith(
        self.said[place - 1], f'step {step:>6,}  valid/norm'
      )

  def test_an_experiment_may_do_without(self):
    self.fit(demonstrate=None)
    self.assertEmpty(self.evaluated)


class RestoreTest(small_run.LoopTestCase):
  def test_it_gives_the_newest_parameters(self):
    _, params = self.fit()
    step, found = training.restore(self.plan(), self.folder / 'run')
    self.assertEqual(step, small_run.STEPS)
    self.assertEqual(np.array(found['w']).tobytes(), params)

  def test_it_changes_nothing_on_disk(self):
    self.fit()
    newest = self.folder / 'run' / 'checkpoints' / str(small_run.STEPS)
    for path in newest.glob('state/**/*'):
      if path.is_file():
        path.write_bytes(b'')
    before = sorted(self.folder.rglob('*'))
    step, _ = training.restore(self.plan(), self.folder / 'run')
    self.assertEqual(step, 9)
    self.assertEqual(sorted(self.folder.rglob('*')), before)

  def test_a_run_without_checkpoint_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'no checkpoint yet'):
      training.restore(self.plan(), self.folder)


if __name__ == '__main__':
  absltest.main()
