"""Tests for seqjax.experiment.translating."""

import collections
import contextlib
import io
import pathlib
import tempfile
from types import SimpleNamespace
from unittest import mock

import numpy as np
from absl.testing import absltest

from seqjax import errors
from seqjax.data.text import parallel
from seqjax.experiment import decoding, translating, writing

TRAIN = parallel.collect(
  [('A cat.', 'Un gato.'), ('A dog.', 'Un perro.'), ('A cat!', '¡Un gato!')],
  'train',
)
TEST = parallel.collect(
  [('A dog!', '¡Un perro!'), ('A cat.', 'Un gato.')], 'test'
)


def tokenizers(**settings):
  return translating.Tokenizers.of(translating.Config(**settings), TRAIN)


def encode(pairs, **settings):
  """The ids, and what is printed."""
  config = translating.Config(**settings)
  with contextlib.redirect_stdout(io.StringIO()) as out:
    found = translating.encode(config, tokenizers(), pairs)
  return found, out.getvalue()


class TokenizersTest(absltest.TestCase):
  def test_each_side_has_a_unit_of_its_own(self):
    both = tokenizers()
    self.assertEqual((both.source.unit, both.target.unit), ('words', 'words'))
    both = tokenizers(target_unit='characters')
    self.assertEqual(both.target.unit, 'characters')
    self.assertIn('¡', both.target.vocabulary.symbols)
    self.assertNotIn('¡', both.source.vocabulary.symbols)

  def test_what_is_saved_is_loaded(self):
    both = tokenizers(target_unit='characters')
    folder = self.enterContext(tempfile.TemporaryDirectory())
    run = SimpleNamespace(path=pathlib.Path(folder))
    both.save(run)
    self.assertEqual(translating.Tokenizers.load(run), both)
    path = run.path / 'source' / 'tokenizer.json'
    path.write_text(path.read_text().replace('true', 'false'))
    with self.assertRaisesRegex(errors.UserError, 'source.*is damaged'):
      translating.Tokenizers.load(run)


class EncodeTest(absltest.TestCase):
  def test_a_pair_with_a_long_side_is_left_out_and_counted(self):
    # `Un gato.` has 3 units and `¡Un gato!` 4.
    (sources, targets), said = encode(TRAIN, max_length=3)
    self.assertLen(sources, 2)
    self.assertEqual([len(x) for x in targets], [3, 3])
    self.assertIn('--max_length=3 units on a side, left out: 1 of 3', said)

  def test_nothing_is_said_where_nothing_is_left_out(self):
    (sources, _), said = encode(TRAIN)
    self.assertEqual((len(sources), said), (3, ''))

  def test_no_pair_that_is_short_enough_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'train has none: raise it'):
      encode(TRAIN, max_length=2)


class ScoresTest(absltest.TestCase):
  def test_the_baselines_know_the_training_part_alone(self):
    both = tokenizers()
    ids, _ = encode(TRAIN)
    # No word is known for `fox`, so none is written for it.
    test = parallel.collect([('A fox.', 'Un.'), ('A cat.', 'Un gato.')], 'test')
    found = translating.score_baselines(both, ids, TRAIN, test)
    self.assertLen(found, 4)
    # `A cat.` stands in the training part.
    self.assertEqual(found['translation of the nearest']['exact'], 0.5)
    self.assertGreater(found['likeliest word for each word']['chrf'], 20)
    self.assertEqual(found['copy of the source']['exact'], 0)

  def test_the_best_translation_is_measured_and_endless_ones_are_said(self):
    def best(text, ended=True):
      return text, decoding.Hypothesis(np.zeros(2, np.int32), -1.0, -1.0, ended)

    def translate(params, sources, counted):
      self.assertEqual((params, sources), ('params', TEST.sources))
      counted.update(texts=2, endless=1)
      return [
        [best('¡Un perro!'), best('no')],
        [best('Un gato gato gato', False), best('Un gato.')],
      ]

    with contextlib.redirect_stdout(io.StringIO()) as out:
      scores, found = translating.measure(
        translating.Config(max_written=5), translate, 'params', TEST
      )
    written = [text for text, _ in found]
    self.assertEqual(written, ['¡Un perro!', 'Un gato gato gato'])
    self.assertEqual(scores['test/exact'], 0.5)
    self.assertIn('--max_written=5: 1 of 2', out.getvalue())
    self.assertIn('so few texts, 2, say little', out.getvalue())

  def test_of_many_texts_nothing_is_said(self):
    many = parallel.collect([('a', 'b')] * 100, 'many')
    hypothesis = decoding.Hypothesis(np.zeros(1), -1.0, -1.0, True)
    with contextlib.redirect_stdout(io.StringIO()) as out:
      translating.measure(
        translating.Config(),
        lambda params, sources, counted: [[('b', hypothesis)]] * 100,
        None,
        many,
      )
    self.assertEmpty(out.getvalue())


class TranslateTest(absltest.TestCase):
  """With a writer that writes the source's units, counted from the end."""

  def write(self, params, sources):
    self.written = [x.tolist() for x in sources]
    ids = [np.arange(1, len(x) + 1) for x in sources]
    return [[decoding.Hypothesis(x, 0.0, 0.0, len(x) < 3)] for x in ids]

  def test_what_is_lost_is_counted_over_all_calls_and_said(self):
    both, out = tokenizers(), io.StringIO()
    counted = collections.Counter()
    config = translating.Config(max_length=3, max_written=3)
    with mock.patch.object(writing, 'make_writer', lambda *_: self.write):
      translate = translating.make_translate(config, None, both)
      for text in ('A cat.', 'A emu', 'A new dog dog.'):
        ((best,),) = translate(None, [text], counted)
        self.assertLen(self.written, 1)
        self.assertEqual(best[0], both.target.join(best[1].tokens))
    self.assertLen(self.written[0], 3)
    translating.say_lost(config, counted, out)
    self.assertEqual(
      out.getvalue().splitlines(),
      [
        'Texts with words that were never learnt: 2 of 3.',
        '1 of 3 texts is longer than --max_length=3 and loses its end.',
        'Translations that do not end within --max_written=3: 2 of 3.',
      ],
    )
    translating.say_lost(config, collections.Counter(texts=3), out)
    self.assertEqual(out.getvalue().count('\n'), 3)


class AnswersTest(absltest.TestCase):
  def answers(self, lines, **settings):
    def translate(texts):
      self.assertNotEmpty(texts)
      self.assertEqual(texts, [line for line in lines if line.strip()])
      return [
        [
          (f'{text}{k}', decoding.Hypothesis(np.zeros(1), -k, -k / 2, True))
          for k in range(3)
        ]
        for text in texts
      ]

    config = translating.Config(**settings)
    return list(translating.answers(config, translate, lines))

  def test_there_is_a_line_for_each_line(self):
    self.assertEqual(self.answers(['a', '', ' ', 'b']), ['a0', '', '', 'b0'])
    self.assertEqual(self.answers(['']), [''])

  def test_the_best_few_are_rows_with_their_scores(self):
    self.assertEqual(
      self.answers(['a\t b', '', 'c'], n_best=2, beam_size=3),
      [
        *('a b\ta\t b0\t0.0000', 'a b\ta\t b1\t-0.5000'),
        *('c\tc0\t0.0000', 'c\tc1\t-0.5000'),
      ],
    )


if __name__ == '__main__':
  absltest.main()
