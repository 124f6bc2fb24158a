"""Tests for seqjax.data.text.dates."""

import itertools
import re

from absl.testing import absltest, parameterized

from seqjax.data.text import dates

_DIGITS = re.compile('[0-9]')


def by_form(pairs):
  """words -> digits, whatever the direction of a pair."""
  both = zip(pairs.sources, pairs.targets, strict=True)
  return dict(pair[::-1] if _DIGITS.search(pair[0]) else pair for pair in both)


class WordsTest(parameterized.TestCase):
  @parameterized.parameters(
    (0, 'zero'),
    (19, 'nineteen'),
    (90, 'ninety'),
    (105, 'one hundred and five'),
    (1000, 'one thousand'),
    (20_017, 'twenty thousand and seventeen'),
    (
      999_999,
      'nine hundred and ninety nine thousand nine hundred and ninety nine',
    ),
  )
  def test_a_number_in_words(self, number, words):
    self.assertEqual(dates.cardinal(number), words)

  @parameterized.parameters(
    (1, 'first'), (12, 'twelfth'), (22, 'twenty second'), (30, 'thirtieth')
  )
  def test_a_place_in_words(self, number, words):
    self.assertEqual(dates.ordinal(number), words)

  @parameterized.parameters(
    (1100, 'eleven hundred'),
    (1907, 'nineteen oh seven'),
    (2000, 'two thousand'),
    (2012, 'twenty twelve'),
  )
  def test_a_year_in_words(self, number, words):
    self.assertEqual(dates.year(number), words)

  @parameterized.parameters(
    (dates.cardinal, range(10**4)),
    (dates.ordinal, range(1, 100)),
    (dates.year, range(1100, 2100)),
  )
  def test_no_two_have_the_same_words(self, words, numbers):
    self.assertLen({words(n) for n in numbers}, len(numbers))


class DatesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.parts = dates.dates(2000)

  def test_the_parts_share_no_meaning(self):
    self.assertEqual(list(self.parts), list(dates.PARTS))
    # A day of either form, whichever its wording.
    meanings = []
    for pairs in self.parts.values():
      days = [
        re.sub(r'(.+)/(.+)/(.+)', r'\3-\1-\2', x)
        for x in by_form(pairs).values()
      ]
      meanings.append({re.sub('-0', '-', x) for x in days})
      self.assertLen(meanings[-1], len(pairs.sources))
    for a, b in itertools.combinations(meanings, 2):
      self.assertEmpty(a & b)

  def test_every_form_is_there_in_both_directions(self):
    train = self.parts['train']
    for form in (r'\d{4}-\d\d-\d\d', r'\d+/\d+/\d{4}', r'\d{1,3}(,\d{3})?'):
      for side in (train.sources, train.targets):
        share = sum(bool(re.fullmatch(form, x)) for x in side) / len(side)
        self.assertBetween(share, 0.1, 0.24)

  def test_words_and_digits_say_the_same(self):
    found = by_form(dates.dates(3000)['train'])
    for words, digits in found.items():
      if '-' in digits:
        year, month, day = map(int, digits.split('-'))
        self.assertStartsWith(words, f'the {dates.ordinal(day)} of ')
        self.assertEndsWith(words, f' {dates.year(year)}')
      elif '/' in digits:
        month, day, year = map(int, digits.split('/'))
        self.assertEndsWith(words, f' {dates.ordinal(day)}, {dates.year(year)}')
      else:
        self.assertEqual(words, dates.cardinal(int(digits.replace(',', ''))))

  def test_the_seed_draws_others(self):
    self.assertEqual(dates.dates(2000), self.parts)
    self.assertNotEqual(dates.dates(2000, 1), self.parts)


if __name__ == '__main__':
  absltest.main()
