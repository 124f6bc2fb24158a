import os
import pathlib
import tempfile

from absl.testing import absltest

from seqjax import errors
from seqjax.experiment import lock


class ExclusiveTest(absltest.TestCase):
  """Between processes: see main_process_test."""

  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(folder, 'new', 'mine')

  def test_a_second_writer_is_refused_and_told_who_is_first(self):
    with lock.exclusive(self.path):
      with self.assertRaisesRegex(
        errors.UserError, f'mine is in use by process {os.getpid()} on '
      ):
        with lock.exclusive(self.path):
          self.fail('two writers at once')

  def test_the_file_alone_holds_nothing(self):
    for _ in range(2):
      with lock.exclusive(self.path):
        text = (self.path / 'lock').read_text()
        (self.path / 'config.json').touch()
    self.assertEqual(text.count('process'), 1)
    self.assertTrue((self.path / 'lock').exists())

  def test_a_directory_without_anything_else_is_removed(self):
    with lock.exclusive(self.path):
      self.assertTrue(self.path.exists())
    self.assertFalse(self.path.exists())

  def test_a_directory_that_cannot_be_made_is_a_sentence(self):
    self.path.parent.write_text('')
    with self.assertRaisesRegex(errors.UserError, 'cannot be made'):
      with lock.exclusive(self.path):
        self.fail('no directory')


if __name__ == '__main__':
  absltest.main()
