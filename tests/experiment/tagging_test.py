"""Tests for seqjax.experiment.tagging."""

import sys
from unittest import mock

import pytest
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.text import conll
from seqjax.experiment import tagging

SPANS = conll.collect([(('a', 'b'), ('O', 'B-x'))], 'spans')
WORDS = conll.collect([(('a', 'b'), ('DET', 'NOUN'))], 'words')


class TaggingTest(parameterized.TestCase):
  @parameterized.parameters(
    ('auto', SPANS, 'f1'),
    ('auto', WORDS, 'accuracy'),
    ('accuracy', SPANS, 'accuracy'),
    ('f1', SPANS, 'f1'),
  )
  def test_the_tags_choose_the_metric(self, metric, train, chosen):
    config = tagging.Config(metric=metric)
    self.assertEqual(tagging.metric_of(config, train), chosen)

  def test_spans_must_be_there_to_be_measured(self):
    with self.assertRaisesRegex(errors.UserError, 'use --metric=accuracy'):
      tagging.metric_of(tagging.Config(metric='f1'), WORDS)

  def test_a_span_counts_as_a_whole(self):
    pytest.importorskip('seqeval')
    true = [('B-x', 'I-x', 'O', 'B-y'), ('O', 'O')]
    predicted = [('B-x', 'O', 'O', 'B-y'), ('O', 'I-y')]
    # Of 3 spans predicted and 2 true ones, one is the same.
    self.assertEqual(
      tagging.score(true, predicted, 'f1'), {'accuracy': 4 / 6, 'f1': 0.4}
    )
    self.assertEqual(
      tagging.score(true, predicted, 'accuracy'), {'accuracy': 4 / 6}
    )

  @parameterized.parameters('B-x', 'O')
  def test_no_span_predicted_scores_zero(self, true):
    pytest.importorskip('seqeval')
    self.assertEqual(tagging.score([(true,)], [('O',)], 'f1')['f1'], 0)

  def test_the_missing_package_is_named(self):
    with mock.patch.dict(sys.modules, {'seqeval': None}):
      with self.assertRaisesRegex(errors.UserError, 'SEQJAX_EXTRAS=text'):
        tagging.score([('B-x',)], [('O',)], 'f1')

  def test_a_long_sentence_is_read_in_pieces_and_nothing_is_lost(self):
    config = tagging.Config(max_length=3)
    self.assertEqual(
      tagging.pieces(config, ['abcdefg', '', 'abc', 'a']),
      ['abc', 'def', 'g', 'abc', 'a'],
    )

  def test_batches_hold_every_word_with_its_tag(self):
    words = tuple('abcdefg'), tuple('abc')
    tags = tuple('ABCDEFG'), tuple('ABC')
    train = conll.collect(zip(words, tags, strict=True), 'train')
    config = tagging.Config(max_length=4, batch_size=2, max_compilations=2)
    symbols = tagging.Symbols.of(config, train)
    batches, plan = tagging.make_batches(config, symbols, train)
    found = []
    for index in range(plan.batches_per_epoch):
      batch = batches(index)
      self.assertLessEqual(len(batch.mask), 4)
      read = symbols.words.decode(batch.inputs.words[batch.mask])
      spelt = symbols.characters.decode(batch.inputs.characters[batch.mask, 0])
      said = ''.join(symbols.tags[k] for k in batch.targets[batch.mask])
      self.assertEqual(''.join(read), spelt)
      self.assertEqual(spelt.upper(), said)
      found += read
    self.assertCountEqual(found, 'abcdefgabc')

  def test_what_only_held_out_parts_hold_is_unknown(self):
    symbols = tagging.Symbols.of(tagging.Config(), WORDS)
    self.assertEqual(symbols.tags, ('DET', 'NOUN'))
    inputs = tagging.encode(tagging.Config(), symbols, [('b', 'c')])
    self.assertEqual(symbols.words.decode(inputs.words[0]), ['b', '\ufffd'])


if __name__ == '__main__':
  absltest.main()
