"""A file that a person asks for, where it can be written and where not."""

from absl.testing import absltest
from folder_case import FolderTestCase

from seqjax import errors
from seqjax.experiment import outputs


class WriteTest(FolderTestCase):
  def test_the_folders_above_are_made(self):
    path = self.folder / 'a' / 'b' / 'out.csv'
    outputs.write(path, 'x')
    outputs.write(path, 'y')
    self.assertEqual(path.read_text(), 'y')

  def test_a_file_in_the_way_is_a_sentence(self):
    self.write('taken', '')
    with self.assertRaisesRegex(errors.UserError, 'cannot write .*taken'):
      outputs.write(self.folder / 'taken' / 'out.csv', 'x')

  def test_a_folder_of_this_name_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'cannot write'):
      outputs.write(self.folder, 'x')


if __name__ == '__main__':
  absltest.main()
