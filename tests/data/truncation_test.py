"""Tests for seqjax.data.truncation."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import truncation


class CutTest(parameterized.TestCase):
  @parameterized.parameters(
    ('start', [[0, 1, 2], [0, 1, 2], [0], []]),
    ('end', [[2, 3, 4], [0, 1, 2], [0], []]),
  )
  def test_only_what_is_longer_loses_its_rest(self, keep, expected):
    for make in (np.arange, lambda n: list(range(n))):
      sequences = [make(n) for n in (5, 3, 1, 0)]
      kept, num_cut = truncation.cut(sequences, 3, keep)
      self.assertEqual([list(x) for x in kept], expected)
      self.assertEqual(num_cut, 1)
      self.assertLen(sequences[0], 5)

  def test_impossible_arguments_are_refused(self):
    with self.assertRaisesRegex(ValueError, 'at least 1, got 0'):
      truncation.cut(['a'], 0)
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'end'"):
      truncation.cut(['a'], 1, 'ende')


class CutReportTest(parameterized.TestCase):
  @parameterized.parameters(
    (0, 'start', 'None of 1,234 texts is longer than --max_length=5.'),
    (
      1,
      'start',
      '1 of 1,234 texts is longer than --max_length=5 and loses its end.',
    ),
    (
      1234,
      'end',
      '1,234 of 1,234 texts are longer than --max_length=5 and lose their '
      'start.',
    ),
  )
  def test_the_sentence(self, num_cut, keep, expected):
    self.assertEqual(truncation.cut_report(num_cut, 1234, 5, keep), expected)


if __name__ == '__main__':
  absltest.main()
