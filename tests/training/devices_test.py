"""What one device does in this process, and four in another."""

import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
from absl.testing import absltest

from seqjax import data
from seqjax.data.text import questions
from seqjax.training import devices

_PROGRAM = pathlib.Path(__file__).parents[1] / 'four_devices.py'


def batch_of(inputs, targets):
  mask = np.ones((3, 2), bool)
  weights = np.ones_like(targets, np.float32)
  return data.Batch(inputs, targets, mask, weights, mask)


class DevicesTest(absltest.TestCase):
  def test_one_device_leaves_everything_as_it_is(self):
    placement = devices.Placement(1)
    batch = batch_of(np.ones((3, 2, 5)), np.ones((3, 2)))
    self.assertIs(placement.batch(batch), batch)
    self.assertIs(placement.state(batch), batch)
    self.assertIsNone(placement.out_shardings)

  def test_rows_are_counted_by_the_axis_after_time(self):
    axes = devices.row_axes(batch_of(np.ones((3, 2, 5)), np.ones(2)))
    self.assertEqual(axes, data.Batch(1, 0, 1, 0, 1))
    asked = questions.Asked(np.ones((3, 2, 4)), np.ones((2, 4)))
    axes = devices.row_axes(batch_of(asked, np.ones(2)))
    self.assertEqual(axes.inputs, questions.Asked(1, 0))

  def test_the_cpu_is_one_device_unless_it_is_split(self):
    self.assertEqual(devices.count(0), 1)
    self.assertLen(jax.devices(), 1)

  def run_on_four_devices(self, *arguments):
    done = subprocess.run(
      [sys.executable, '-W', 'error', _PROGRAM, *arguments],
      env={
        **os.environ,
        'PYTHONPATH': os.pathsep.join(sys.path),
        'JAX_NUMPY_RANK_PROMOTION': 'raise',
        'JAX_NUMPY_DTYPE_PROMOTION': 'strict',
        'JAX_DISABLE_MOST_OPTIMIZATIONS': str(
          jax.config.read('jax_disable_most_optimizations')
        ),
      },
      capture_output=True,
      text=True,
    )
    self.assertEqual(done.returncode, 0, done.stderr)
    self.assertIn('OK', done.stderr)

  def test_a_language_model_on_four_devices(self):
    self.run_on_four_devices('LanguageModelTest')

  @pytest.mark.slow
  def test_other_tasks_on_four_devices(self):
    self.run_on_four_devices('OthersTest')


if __name__ == '__main__':
  absltest.main()
