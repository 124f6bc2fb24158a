import contextlib
import dataclasses
import io

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

  def test_the_test_part_stays_the_last(self):
    parts = inputs.with_valid({'train': 'ab', 'test': 'c'}, 'a', 'b')
    self.assertEqual(
      list(parts.items()), [('train', 'a'), ('valid', 'b'), ('test', 'c')]
    )

  @parameterized.parameters(('', ''), ('a', 'b'))
  def test_one_thing_is_asked_at_a_time(self, text, text_file):
    with self.assertRaisesRegex(errors.UserError, '--text=ACGT or --text_file'):
      inputs.check_prediction(text, text_file, 'ACGT')

  def test_what_is_cut_is_said_and_nothing_else(self):
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()) as out:
      self.assertEqual(inputs.cut(['abc', 'd'], 2, 'end', said), ['bc', 'd'])
      self.assertEqual(inputs.cut(['ab'], 2), ['ab'])
    self.assertIn('1 of 2 texts is longer than --max_length=2', said.getvalue())
    self.assertEqual(out.getvalue(), '')


if __name__ == '__main__':
  absltest.main()
