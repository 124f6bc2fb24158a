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

  def test_the_most_frequent_characters_stay(self):
    vocab = vocabulary.character_vocabulary('cccbbaad', max_size=3)
    self.assertEqual(vocab.symbols, ('\ufffd', 'a', 'c'))
    with self.assertRaisesRegex(ValueError, 'at least 2, got 1'):
      vocabulary.character_vocabulary('a', max_size=1)

  def test_encode_equals_a_dictionary(self):
    vocab = vocabulary.CharacterVocabulary(('\ufffd', *ALPHABET))
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

  def test_a_symbol_is_one_character(self):
    for symbols in (('\ufffd', 'ab'), ('\ufffd', '')):
      with self.assertRaisesRegex(ValueError, 'one character each'):
        vocabulary.CharacterVocabulary(symbols)


class WordVocabularyTest(parameterized.TestCase):
  def test_most_frequent_first_and_ties_by_code_point(self):
    texts = [['b', 'Zoë', 'a'], [], ['b', 'ab', 'a', '\U0001f600', 'b']]
    for shuffled in (texts, texts[::-1]):
      vocab = vocabulary.word_vocabulary(map(iter, shuffled))
      self.assertEqual(
        vocab.symbols, ('\ufffd', 'b', 'a', 'Zoë', 'ab', '\U0001f600')
      )

  @parameterized.parameters(
    (1, None, 'dcba'),
    (2, None, 'dcb'),
    (1, 3, 'dc'),
    (3, 4, 'dc'),
    (1, 9, 'dcba'),
  )
  def test_rare_words_and_those_beyond_the_size_are_left_out(
    self, min_count, max_size, kept
  ):
    texts = ['d' * 4 + 'c' * 3, 'b' * 2 + 'a']
    vocab = vocabulary.word_vocabulary(texts, min_count, max_size)
    self.assertEqual(vocab.symbols, ('\ufffd', *kept))

  def test_a_replacement_character_in_the_text_is_the_unknown(self):
    vocab = vocabulary.word_vocabulary([['\ufffd', '\ufffd', 'a']])
    self.assertEqual(vocab.symbols, ('\ufffd', 'a'))
    self.assertEqual(vocab.encode(['\ufffd', 'a']).tolist(), [0, 1])

  @parameterized.parameters(([], 1, 0), ([['a', 'b'], ['c']], 2, 3))
  def test_no_frequent_word_is_refused(self, texts, min_count, count):
    with self.assertRaisesRegex(
      errors.UserError, f'at least {min_count} times.* {count} words has none'
    ):
      vocabulary.word_vocabulary(texts, min_count)

  def test_a_vocabulary_without_room_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'at least 2, got 1'):
      vocabulary.word_vocabulary([['a']], max_size=1)


class VocabularyTest(parameterized.TestCase):
  def test_encode_and_decode_tokens_of_any_length(self):
    vocab = vocabulary.Vocabulary(('\ufffd', 'an', 'a', 'n', 'Zoë\n'))
    ids = vocab.encode(iter(['n', 'nn', 'Zoë\n', '', 'an']))
    self.assertEqual(ids.dtype, np.int32)
    self.assertEqual(ids.tolist(), [3, 0, 4, 0, 1])
    self.assertEqual(
      vocab.decode(ids), ['n', '\ufffd', 'Zoë\n', '\ufffd', 'an']
    )
    self.assertEqual(vocab.encode([]).shape, (0,))
    self.assertEqual(vocab.decode([]), [])

  @parameterized.parameters(([1, -1], '-1'), ([3, 0], '3'))
  def test_decode_refuses_what_is_no_id(self, ids, shown):
    vocab = vocabulary.character_vocabulary('ab')
    with self.assertRaisesRegex(ValueError, rf'in \[0, 3\), got {shown}'):
      vocab.decode(ids)

  def test_unknown_share_counts_tokens(self):
    vocab = vocabulary.character_vocabulary('ab')
    self.assertEqual(vocab.unknown_share('abxa'), 0.25)
    self.assertEqual(vocab.unknown_share(''), 0.0)
    vocab = vocabulary.word_vocabulary([['ab']])
    self.assertEqual(vocab.unknown_share(iter(['ab', 'a'])), 0.5)
    self.assertEqual(vocab.unknown_share(iter([])), 0.0)

  def test_equal_symbols_make_equal_vocabularies(self):
    first = vocabulary.character_vocabulary('abc')
    first.encode('cab')  # Fills the cached tables.
    second = vocabulary.CharacterVocabulary(tuple(first.symbols))
    self.assertEqual(first, second)
    self.assertEqual(hash(first), hash(second))
    self.assertLen(first, 4)
    with self.assertRaises(dataclasses.FrozenInstanceError):
      first.symbols = ()

  @parameterized.parameters(
    ((), 'first symbol'),
    (('a', '\ufffd'), 'first symbol'),
    (('\ufffd', 1), 'are strings'),
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
    for vocab in (
      vocabulary.character_vocabulary('añ\n"b'),
      vocabulary.word_vocabulary([['añ\n"b', '\ud83d']]),
    ):
      vocab.save(self.path)
      self.assertEqual(type(vocab).load(self.path), vocab)

  def test_a_run_of_before_is_read(self):
    self.path.write_text('["\\ufffd", "\\n", "a", "\\u00f1"]\n')
    vocab = vocabulary.CharacterVocabulary.load(self.path)
    self.assertEqual(vocab.encode('ñaz\n').tolist(), [3, 2, 0, 1])
    self.assertEqual(
      vocabulary.Vocabulary.load(self.path).symbols, vocab.symbols
    )

  def test_a_missing_or_damaged_file_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'has not begun'):
      vocabulary.Vocabulary.load(self.path)
    for content in ('["a"', '3', '["a", "b"]', '{"a": 1}', '["\\ufffd", 1]'):
      self.path.write_text(content)
      with self.assertRaisesRegex(errors.UserError, 'is damaged'):
        vocabulary.Vocabulary.load(self.path)


if __name__ == '__main__':
  absltest.main()
