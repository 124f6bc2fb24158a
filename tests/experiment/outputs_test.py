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
    path = self.folder / 'taken' / 'out.csv'
    for act in (lambda: outputs.write(path, 'x'), lambda: outputs.check(path)):
      with self.assertRaisesRegex(errors.UserError, 'cannot write .*taken'):
        act()

  def test_a_folder_of_this_name_is_a_sentence(self):
    for act in (outputs.check, lambda path: outputs.write(path, 'x')):
      with self.assertRaisesRegex(errors.UserError, 'cannot write'):
        act(self.folder)

  def test_a_place_that_is_free_stays_as_it_is(self):
    self.write('old.csv', 'x')
    outputs.check(self.folder / 'old.csv')
    outputs.check(self.folder / 'new' / 'out.csv')
    self.assertEqual((self.folder / 'old.csv').read_text(), 'x')
    self.assertEmpty(list((self.folder / 'new').iterdir()))


if __name__ == '__main__':
  absltest.main()
