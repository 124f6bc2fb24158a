import importlib.metadata
import json
import os
from unittest import mock

from absl.testing import absltest

from seqjax.experiment import environment


class EnvironmentTest(absltest.TestCase):
  def test_it_holds_what_the_last_digits_depend_on(self):
    with mock.patch.dict(
      os.environ, XLA_FLAGS='--xla_cpu_enable_fast_math=false'
    ):
      found = environment.environment()
    self.assertEqual(found['jax'], importlib.metadata.version('jax'))
    self.assertEqual(found['XLA_FLAGS'], '--xla_cpu_enable_fast_math=false')
    self.assertGreaterEqual(found['threads'], 1)
    self.assertContainsSubset(
      'python jaxlib flax optax orbax-checkpoint numpy seqjax device_kind '
      'device_count'.split(),
      found,
    )

  def test_it_survives_json(self):
    found = environment.environment()
    self.assertEqual(json.loads(json.dumps(found)), found)

  def test_changes_name_what_differs_and_nothing_else(self):
    began = {'a': 1, 'b': 2, 'gone': 3}
    now = {'a': 1, 'b': 5, 'new': 4}
    self.assertEqual(
      environment.changes(began, now),
      'b from 2 to 5, gone from 3 to None, new from None to 4',
    )
    self.assertEqual(environment.changes(began, began), '')


if __name__ == '__main__':
  absltest.main()
