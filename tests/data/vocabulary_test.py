"""Tests for seqjax.data.vocabulary."""

import dataclasses
import pathlib
import tempfile

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import vocabulary

# One, two, three and four bytes in UTF-8; the last is beyond U+FFFF.
ALPHABET = '\n aZé€\ufffc\U0001f600'


class CharacterVocabularyTest(parameterized.TestCase):
  def test_symbols_are_sorted_by_code_point_after_the_unknown(self):
    text = ''.join(np.random.default_rng(0).permutation(list(ALPHABET * 3)))
    symbols = vocabulary.character_vocabulary(text).symbols
    self.assertEqual(symbols, ('\ufffd', *sorted(ALPHABET)))

  def test_rare_characters_are_left_out(self):
    vocab = vocabulary.character_vocabulary('aaabbc', min_count=2)
    self.assertEqual(vocab.symbols, ('\ufffd', 'a', 'b'))
    self.assertEqual(vocab.encode('cba').tolist(), [0, 2, 1])

  def test_a_replacement_character_in_the_text_is_the_unknown(self):
    vocab = vocabulary.character_vocabulary('a\ufffdb')
    self.assertEqual(vocab.symbols, ('\ufffd', 'a', 'b'))
    self.assertEqual(vocab.encode('\ufffdb').tolist(), [0, 2])

  @parameterized.parameters(('', 1), ('abc', 2))
  def test_no_frequent_character_is_refused(self, text, min_count):
    with self.assertRaisesRegex(
      errors.UserError, f'at least {min_count} times.* {len(text)} characters'
    ):
      vocabulary.character_vocabulary(text, min_count)


class VocabularyTest(parameterized.TestCase):
  def test_encode_equals_a_dictionary(self):
    vocab = vocabulary.Vocabulary(('\ufffd', *ALPHABET))
    ids = {symbol: i for i, symbol in enumerate(vocab.symbols)}
    others = 'bÿ\ud800\U0010ffff\x00'
    text = ''.join(
      np.random.default_rng(1).choice(list(ALPHABET + others), size=301)
    )
    encoded = vocab.encode(text)
    self.assertEqual(encoded.dtype, np.int32)
    self.assertEqual(encoded.tolist(), [ids.get(c, 0) for c in text])

  def test_decode_undoes_encode(self):
    vocab = vocabulary.character_vocabulary(ALPHABET)
    text = ALPHABET * 2 + ALPHABET[::-1]
    self.assertEqual(vocab.decode(vocab.encode(text)), text)
    self.assertEqual(vocab.decode(vocab.encode('ax')), 'a\ufffd')
    self.assertEqual(vocab.decode([]), '')
    self.assertEqual(vocab.encode('').shape, (0,))

  @parameterized.parameters(([1, -1], '-1'), ([3, 0], '3'))
  def test_decode_refuses_what_is_no_id(self, ids, shown):
    vocab = vocabulary.character_vocabulary('ab')
    with self.assertRaisesRegex(ValueError, rf'in \[0, 3\), got {shown}'):
      vocab.decode(ids)

  def test_unknown_share_counts_characters(self):
    vocab = vocabulary.character_vocabulary('ab')
    self.assertEqual(vocab.unknown_share('abxa'), 0.25)
    self.assertEqual(vocab.unknown_share(''), 0.0)

  def test_equal_symbols_make_equal_vocabularies(self):
    first = vocabulary.character_vocabulary('abc')
    first.encode('cab')  # Fills the cached tables.
    second = vocabulary.Vocabulary(tuple(first.symbols))
    self.assertEqual(first, second)
    self.assertEqual(hash(first), hash(second))
    self.assertLen(first, 4)
    with self.assertRaises(dataclasses.FrozenInstanceError):
      first.symbols = ()

  @parameterized.parameters(
    ((), 'first symbol'),
    (('a', '\ufffd'), 'first symbol'),
    (('\ufffd', 'ab'), 'one character each'),
    (('\ufffd', 'a', 'a'), 'twice'),
    (('\ufffd', 'a', '\ufffd'), 'twice'),
  )
  def test_impossible_symbols_are_refused(self, symbols, message):
    with self.assertRaisesRegex(ValueError, message):
      vocabulary.Vocabulary(symbols)


class FileTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(folder, 'vocabulary.json')

  def test_what_is_saved_is_loaded(self):
    symbols = vocabulary.character_vocabulary('añ\n"b')
    symbols.save(self.path)
    self.assertEqual(vocabulary.Vocabulary.load(self.path), symbols)

  def test_a_missing_or_damaged_file_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'has not begun'):
      vocabulary.Vocabulary.load(self.path)
    for content in ('["a"', '3', '["a", "b"]', '{"a": 1}'):
      self.path.write_text(content)
      with self.assertRaisesRegex(errors.UserError, 'is damaged'):
        vocabulary.Vocabulary.load(self.path)


if __name__ == '__main__':
  absltest.main()
