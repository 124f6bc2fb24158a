"""Tests for seqjax.training.processes.restore."""

import concurrent.futures
import pathlib
import tempfile
import threading
from unittest import mock

import jax
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.training import checkpoints, processes


class RestoreTest(parameterized.TestCase):
  """Processes that are threads here, each with checkpoints of its own."""

  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    self.said = []

  def restore(self, *steps, made=0):
    """The step or the sentence of each process, which has saved these steps.

    Process 1 has made `made` updates; process 0 as many as it has saved.
    """
    threads = concurrent.futures.ThreadPoolExecutor(len(steps))
    mine, said = threading.local(), [None] * len(steps)
    barrier = threading.Barrier(len(steps), timeout=30)

    def agree(value):
      said[mine.process_id] = value
      barrier.wait()
      found = list(said)
      barrier.wait()
      return found

    def restore(process_id):
      mine.process_id = process_id
      opened = self.open(process_id, steps[process_id])
      try:
        in_log = made if process_id else max(opened.steps(), default=0)
        found = processes.restore(opened, {'w': np.zeros(())}, in_log)
      except errors.UserError as error:
        return str(error)
      return found and (found[0], float(found[1]['w']))

    with (
      mock.patch.object(processes, 'agree', agree),
      mock.patch.object(jax, 'process_count', lambda: len(steps)),
      threads,
    ):
      return list(threads.map(restore, range(len(steps))))

  def open(self, process_id, steps):
    opened = checkpoints.Checkpoints(
      self.folder / str(process_id),
      fingerprint='f',
      keep=3,
      report=self.said.append,
    )
    self.addCleanup(opened.close)
    for step in steps:
      opened.save(step, {'w': np.float64(step)})
    opened.wait()
    return opened

  def kept(self):
    """The steps that each process has on disk."""
    return [
      self.open(process_id, ()).steps()
      for process_id in range(len(list(self.folder.iterdir())))
    ]

  def test_the_newest_that_all_have(self):
    self.assertEqual(self.restore([20, 40], [20, 40]), [(40, 40.0)] * 2)
    self.assertEqual(self.kept(), [[20, 40]] * 2)

  def test_what_only_some_have_goes(self):
    found = self.restore([20, 40], [20], [20, 40])
    self.assertEqual(found, [(20, 20.0)] * 3)
    self.assertEqual(self.kept(), [[20]] * 3)

  def test_where_the_first_save_has_not_reached_all_it_begins_anew(self):
    self.assertEqual(self.restore([20], [], made=21), [None, None])

  @parameterized.parameters(
    ([20, 40], []), ([20, 40], [60, 80]), ([20], []), ([20], [40])
  )
  def test_an_empty_folder_costs_the_others_nothing(self, *steps):
    for said in self.restore(*steps, made=19):
      self.assertRegex(said, 'no checkpoint in common: process 0 has 20')
    kept = [self.open(k, ()).steps() for k in range(2)]
    self.assertEqual(kept, list(steps))

  def test_what_is_damaged_in_one_is_restored_in_none(self):
    self.open(1, [20, 40]).close()
    self.damage(1, 40)
    self.assertEqual(self.restore([20, 40], []), [(20, 20.0)] * 2)
    self.assertEqual(self.kept(), [[20]] * 2)

  def test_nor_is_what_is_damaged_behind_the_newest(self):
    self.open(1, [10, 20, 40]).close()
    self.damage(1, 20)
    self.assertEqual(self.restore([10, 20], []), [(10, 10.0)] * 2)
    self.assertEqual(self.kept(), [[10]] * 2)

  def damage(self, process_id, step):
    folder = self.folder / str(process_id) / str(step) / 'state'
    for path in folder.rglob('*'):
      if path.is_file():
        path.write_bytes(b'')


if __name__ == '__main__':
  absltest.main()
