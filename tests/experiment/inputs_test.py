import contextlib
import dataclasses
import io
import sys
from unittest import mock

from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.experiment import inputs


@dataclasses.dataclass(frozen=True)
class Files:
  train_file: str = ''
  valid_file: str = ''
  test_file: str = ''


class InputsTest(parameterized.TestCase):
  def test_the_files_that_are_given_have_their_part(self):
    self.assertEqual(inputs.files(Files()), {})
    self.assertEqual(
      inputs.files(Files(train_file='a', test_file='b')),
      {'train': 'a', 'test': 'b'},
    )
    with self.assertRaisesRegex(errors.UserError, 'go with --train_file'):
      inputs.files(Files(test_file='b'))

  def test_columns_are_of_a_table(self):
    for config in (Files(valid_file=''), Files('a', valid_file='time')):
      inputs.check_columns(config, 'valid_file')
    with self.assertRaisesRegex(
      errors.UserError, '--valid_file=time goes with --train_file'
    ):
      inputs.check_columns(Files(valid_file='time'), 'test_file', 'valid_file')

  def test_the_test_part_stays_the_last(self):
    parts = inputs.with_valid({'train': 'ab', 'test': 'c'}, 'a', 'b')
    self.assertEqual(
      list(parts.items()), [('train', 'a'), ('valid', 'b'), ('test', 'c')]
    )

  def test_what_is_piped_in_is_utf_8(self):
    for piped in (
      io.StringIO('\xe4\n'),
      io.TextIOWrapper(io.BytesIO(b'\xef\xbb\xbf\xc3\xa4\r\n')),
    ):
      with mock.patch.object(sys, 'stdin', piped):
        self.assertEqual(inputs.standard_input(), '\xe4\n')

  def test_other_bytes_that_are_piped_in_are_a_sentence(self):
    piped = io.TextIOWrapper(io.BytesIO(b'caf\xe9'))
    with mock.patch.object(sys, 'stdin', piped):
      with self.assertRaisesRegex(
        errors.UserError, 'UTF-8 text, but standard input has 0xe9'
      ):
        inputs.standard_input()

  @parameterized.parameters(('', ''), ('a', 'b'))
  def test_one_thing_is_asked_at_a_time(self, text, text_file):
    with self.assertRaisesRegex(errors.UserError, '--text=ACGT or --text_file'):
      inputs.check_prediction(text, text_file, 'ACGT')

  def test_lines_are_read_as_they_come(self):
    for typed in (
      io.StringIO('one\n\ntwo'),
      io.TextIOWrapper(io.BytesIO(b'one\n\r\ntwo')),
    ):
      with mock.patch.object(sys, 'stdin', typed):
        self.assertEqual(list(inputs.typed_lines()), ['one', '', 'two'])
    latin = io.TextIOWrapper(io.BytesIO(b'one\n\xe9t\xe9'))
    with mock.patch.object(sys, 'stdin', latin):
      with self.assertRaisesRegex(errors.UserError, 'expected UTF-8'):
        list(inputs.typed_lines())

  def test_what_is_cut_is_said_and_nothing_else(self):
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()) as out:
      self.assertEqual(inputs.cut(['abc', 'd'], 2, 'end', said), ['bc', 'd'])
      self.assertEqual(inputs.cut(['ab'], 2), ['ab'])
    self.assertIn('1 of 2 texts is longer than --max_length=2', said.getvalue())
    self.assertEqual(out.getvalue(), '')


if __name__ == '__main__':
  absltest.main()
