"""Tests for seqjax.data.tokens."""

import importlib.util
import json
import re
import unicodedata
import unittest
from unittest import mock

import folder_case
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import tokens, vocabulary

TEXTS = (
  'The lowest newer river, lower than the newest.',
  '<br />A new low: the widest river is wider!',
)

needs_package = unittest.skipUnless(
  importlib.util.find_spec('tokenizers'), 'needs the package tokenizers'
)


class WordsTest(parameterized.TestCase):
  @parameterized.parameters(
    ('The CAT, the dog...', 'the cat , the dog . . .'),
    # Apostrophes.
    ("Don't. 'Tis the dogs' 'bone'", "don't . ' tis the dogs ' ' bone '"),
    ('I’ve ‘seen’ it', "i've ‘ seen ' it"),
    # Numbers.
    ('8.5/10, 1,000 in 2001.', '8.5 / 10 , 1,000 in 2001 .'),
    ('no.5 v1.2.3 a.b 3rd x_1 9,a', 'no . 5 v1.2.3 a . b 3rd x_1 9 , a'),
    # Tags, and what looks like one.
    ('one<br /><BR/>two</p><a HREF="x=y">3</a>', 'one two 3'),
    ('<sigh> a<b <b and c>', '< sigh > a < b < b and c >'),
    ('<brick> <p', '< brick > < p'),
    # Combining marks: composed or not, of Hindi, on a letter with no composed
    # form, on a mark (a variation selector), and on nothing.
    ('Cafe\u0301 CAFÉ', 'café café'),
    ('हिन्दी में', 'हिन्दी में'),
    ('x\u0304y', 'x\u0304y'),
    ('ok\u2764\ufe0f!', 'ok \u2764\ufe0f !'),
    ('日本。', '日本 。'),
    ('a\x96b\x85c\u00a0d', 'a \x96 b c d'),
    ('', ''),
    (' \n<br>\t', ''),
  )
  def test_the_rule(self, text, expected):
    # Not split(): the \x85 that separates here could stand in a token.
    self.assertEqual(tokens.words(text), re.findall('[^ ]+', expected))

  def test_nothing_but_blanks_and_tags_is_dropped(self):
    points = np.random.default_rng(0).integers(0, 0x12000, size=5003)
    text = ''.join(map(chr, points))
    normal = unicodedata.normalize('NFC', text.lower().replace('’', "'"))
    self.assertEqual(''.join(tokens.words(text)), ''.join(normal.split()))


class TokenizerTest(parameterized.TestCase):
  def test_words_have_the_ids_of_a_word_vocabulary(self):
    tokenizer = tokens.fit(iter(TEXTS), 'words', min_count=2)
    self.assertEqual(tokenizer.vocabulary.symbols, ('\ufffd', 'the', 'river'))
    self.assertEqual(tokenizer.split('The sea'), ['the', 'sea'])
    self.assertEqual(tokenizer.encode('The sea').tolist(), [1, 0])

  def test_characters_are_those_of_the_text_as_they_stand(self):
    tokenizer = tokens.fit(iter(['Aab', 'b']), 'characters', max_size=3)
    self.assertEqual(tokenizer.vocabulary.symbols, ('\ufffd', 'A', 'b'))
    self.assertEqual(tokenizer.split('b<A>'), ['b', '<', 'A', '>'])
    self.assertEqual(tokenizer.encode('b<A>').tolist(), [2, 0, 1, 0])

  @parameterized.parameters('words', 'characters')
  def test_a_text_of_nothing_has_no_ids(self, unit):
    ids = tokens.fit(TEXTS, unit).encode('')
    self.assertEqual((ids.dtype, ids.shape), (np.int32, (0,)))

  def test_an_unknown_unit_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'words'"):
      tokens.fit(TEXTS, 'word')

  def test_subwords_without_a_size_are_refused(self):
    with self.assertRaisesRegex(errors.UserError, 'largest number of subwords'):
      tokens.fit(TEXTS, 'subwords')

  def test_subwords_without_the_package(self):
    with mock.patch.dict('sys.modules', {'tokenizers': None}):
      with self.assertRaisesRegex(
        errors.UserError, 'need the package tokenizers .*SEQJAX_EXTRAS=text'
      ):
        tokens.fit(TEXTS, 'subwords', max_size=9)


@needs_package
class SubwordsTest(parameterized.TestCase):
  def test_frequent_words_are_whole_and_others_fall_to_pieces(self):
    tokenizer = tokens.fit(TEXTS, 'subwords', max_size=40)
    self.assertLen(tokenizer.vocabulary, 40)
    self.assertEqual(tokenizer.vocabulary.symbols[0], '\ufffd')
    text = 'The lower, newest <br />lowered.'
    pieces = tokenizer.split(text)
    self.assertContainsSubsequence(pieces, ['▁the', '▁low', 'er', '▁', ','])
    self.assertLess(len(tokens.words(text)), len(pieces))
    self.assertEqual(
      ''.join(pieces).replace('▁', ' ').split(), tokens.words(text)
    )
    self.assertEqual(
      tokenizer.vocabulary.decode(tokenizer.encode(text)), pieces
    )
    self.assertEqual(tokenizer.encode('').shape, (0,))

  def test_pieces_are_those_of_the_package(self):
    import tokenizers

    ours = tokens.fit(TEXTS, 'subwords', max_size=50)
    vocab = {s: i for i, s in enumerate(ours.vocabulary.symbols)}
    theirs = tokenizers.Tokenizer(
      tokenizers.models.BPE(vocab, list(ours.merges), unk_token='\ufffd')
    )
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    text = 'The lowest rivers are newer, wider and lower. The new widow!'
    line = ' '.join('▁' + word for word in tokens.words(text))
    self.assertEqual(ours.encode(text).tolist(), theirs.encode(line).ids)

  @parameterized.parameters('\ufffd', 'я', '\ud83d')
  def test_a_new_character_is_unknown(self, character):
    tokenizer = tokens.fit([*TEXTS, '\ufffd'], 'subwords', max_size=40)
    self.assertEqual(tokenizer.split(character), ['▁', '\ufffd'])
    self.assertEqual(tokenizer.encode(character)[1], 0)

  def test_the_size_holds_where_there_are_more_characters(self):
    tokenizer = tokens.fit(['d c b d c d'], 'subwords', max_size=4)
    self.assertEqual(tokenizer.vocabulary.symbols, ('\ufffd', 'c', 'd', '▁'))
    with self.assertRaisesRegex(ValueError, 'at least 2, got 1'):
      tokens.fit(TEXTS, 'subwords', max_size=1)

  def test_what_is_rare_has_no_symbol(self):
    tokenizer = tokens.fit(['ab ab ab cb cb ba d'], 'subwords', 2, 50)
    self.assertEqual(
      set(tokenizer.vocabulary.symbols),
      {'\ufffd', *'abc▁', 'ab', '▁ab', 'cb', '▁cb'},
    )

  def test_the_same_texts_give_the_same_subwords(self):
    rng = np.random.default_rng(0)
    texts = [' '.join(map(str, rng.integers(0, 5000, 50))) for _ in range(40)]
    first, second = (tokens.fit(texts, 'subwords', max_size=300) for _ in '12')
    self.assertEqual(first, second)
    self.assertLen(first.merges, 300 - 12)


class SpacedTest(parameterized.TestCase):
  @parameterized.parameters(
    ("It's 3.50!", "▁It's ▁3 . 5 0 !"),
    ('‘I’ve’ x_1 a-b', '▁‘ I’ve ’ ▁x _ 1 ▁a - b'),
    ('Cafe\u0301 हिन्दी x\u0304y', '▁Café ▁हिन्दी ▁x\u0304y'),
    (' two\n\tblanks ', '▁two ▁blanks'),
    ('a▁b ▁', '▁a \ufdd0 b ▁\ufdd0'),
    ('', ''),
  )
  def test_the_rule(self, text, expected):
    self.assertEqual(tokens.spaced_words(text), expected.split())

  @parameterized.parameters('words', 'characters')
  def test_a_text_comes_back(self, unit):
    texts = [*TEXTS, "¿Qué hora es? It's 10:30.", 'a ▂ b', '▁ ▁a▁']
    tokenizer = tokens.fit(texts, unit, spaced=True)
    for text in texts:
      self.assertEqual(tokenizer.join(tokenizer.encode(text)), text)

  @needs_package
  def test_a_text_of_subwords_comes_back(self):
    texts = [*TEXTS, 'river▁ ▁']
    tokenizer = tokens.fit(texts, 'subwords', max_size=60, spaced=True)
    self.assertIn('▁lower', tokenizer.split('a lower river'))
    for text in ('A newest river: the low, <wide>!', '▁the ▁ low▁'):
      self.assertEqual(tokenizer.join(tokenizer.encode(text)), text)

  def test_what_is_not_spaced_cannot_be_joined(self):
    tokenizer = tokens.fit(TEXTS, 'words')
    with self.assertRaisesRegex(ValueError, 'whose words are spaced'):
      tokenizer.join([1])


class FileTest(folder_case.FolderTestCase):
  def saved(self, unit, **options):
    tokenizer = tokens.fit(TEXTS, unit, max_size=30, **options)
    tokenizer.save(self.folder)
    return tokenizer

  def check(self, unit, **options):
    tokenizer = self.saved(unit, **options)
    loaded = tokens.Tokenizer.load(self.folder)
    self.assertEqual(loaded, tokenizer)
    text = 'A newest low tide.'
    self.assertEqual(loaded.split(text), tokenizer.split(text))
    self.assertEqual(
      loaded.encode(text).tolist(), tokenizer.encode(text).tolist()
    )
    self.assertEqual(
      vocabulary.Vocabulary.load(self.folder / 'vocabulary.json').symbols,
      tokenizer.vocabulary.symbols,
    )

  @parameterized.parameters('words', 'characters')
  def test_what_is_saved_is_loaded(self, unit):
    self.check(unit)
    self.check(unit, spaced=True)

  def test_what_older_runs_saved_is_loaded(self):
    tokenizer = self.saved('words')
    path = self.folder / 'tokenizer.json'
    path.write_text('{"unit": "words", "merges": []}')
    self.assertEqual(tokens.Tokenizer.load(self.folder), tokenizer)

  @needs_package
  def test_subwords_that_are_saved_are_loaded(self):
    self.check('subwords')

  @parameterized.parameters('vocabulary.json', 'tokenizer.json')
  def test_a_missing_or_damaged_file_is_named(self, name):
    self.saved('words')
    (self.folder / name).write_text('{"unit": "words", "mer')
    with self.assertRaisesRegex(errors.UserError, f'^[^ ]*{name} is damaged'):
      tokens.Tokenizer.load(self.folder)
    (self.folder / name).unlink()
    with self.assertRaisesRegex(errors.UserError, f'^[^ ]*{name} is missing'):
      tokens.Tokenizer.load(self.folder)

  @parameterized.parameters(
    ([], 'indices'),
    ({'unit': 'words'}, 'merges'),
    ({'unit': 'word', 'merges': []}, 'Unknown unit'),
    ({'unit': 'characters', 'merges': []}, 'one character each'),
    ({'unit': 'subwords', 'merges': [['the', 'river']]}, 'two in one'),
    ({'unit': 'subwords', 'merges': [['the']]}, 'unpack'),
    ({'unit': 'subwords', 'merges': [1]}, 'iterable'),
  )
  def test_what_is_no_tokenizer_is_a_sentence(self, record, message):
    self.saved('words')
    (self.folder / 'tokenizer.json').write_text(json.dumps(record))
    with self.assertRaisesRegex(
      errors.UserError, f'tokenizer.json is damaged .*{message}'
    ):
      tokens.Tokenizer.load(self.folder)


if __name__ == '__main__':
  absltest.main()
