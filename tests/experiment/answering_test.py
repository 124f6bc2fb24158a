"""What an experiment does with questions before and after its network."""

import contextlib
import io
import pathlib
import tempfile
from types import SimpleNamespace

import numpy as np
from absl.testing import absltest

from seqjax import errors
from seqjax.data.text import questions
from seqjax.experiment import answering

STORY = ('Ann went out.', 'Bob sat down.', 'Ann came in.')
ANN = questions.Question(STORY, 'Where is Ann?', 'in', (0, 2), 'where')
BOB = questions.Question(STORY[:2], 'Who sat?', 'Bob', (1,), 'who')
TRAIN = questions.collect([ANN, BOB], 'train')


class AnsweringTest(absltest.TestCase):
  def test_symbols_are_of_stories_and_questions(self):
    symbols = answering.Symbols.of(answering.Config(), TRAIN)
    self.assertContainsSubset(
      {'sat', 'who', 'in', 'ann'}, symbols.words.symbols
    )
    self.assertEqual(symbols.answers, ('Bob', 'in'))
    with tempfile.TemporaryDirectory() as folder:
      run = SimpleNamespace(path=pathlib.Path(folder))
      symbols.save(run)
      self.assertEqual(answering.Symbols.load(run), symbols)
      (run.path / 'labels.json').write_text('[]')
      with self.assertRaisesRegex(errors.UserError, 'labels.json is damaged'):
        answering.Symbols.load(run)

  def test_rare_words_have_no_symbol(self):
    config = answering.Config(min_count=2)
    symbols = answering.Symbols.of(config, TRAIN).words.symbols
    self.assertContainsSubset({'ann', 'sat', 'went'}, symbols)
    self.assertNoCommonElements({'came', 'who'}, symbols)

  def test_the_likeliest_answer_is_named(self):
    symbols = answering.Symbols.of(answering.Config(), TRAIN)
    named = symbols.named(np.array([[0.25, 0.75], [0.5, 0.25]]))
    self.assertEqual(named, ['in', 'Bob'])

  def test_stories_that_are_learnt_from_as_well_are_counted(self):
    asked = questions.Question(('Ann went.',), 'Who?', 'Ann', (0,), 'qa')
    other = asked._replace(story=('Bob went.',))
    parts = {'train': [asked], 'valid': [other], 'test': [other, asked, asked]}
    with contextlib.redirect_stdout(io.StringIO()) as out:
      answering.describe(
        answering.Config(),
        {part: questions.collect(x, part) for part, x in parts.items()},
      )
    self.assertRegex(out.getvalue(), 'test, .*learnt from as well: 2')
    self.assertEqual(out.getvalue().count('as well'), 1)

  def test_a_long_story_loses_its_start(self):
    said = io.StringIO()
    config = answering.Config(max_length=2)
    ann, bob = answering.shortened(config, TRAIN.questions, said)
    self.assertEqual((ann.story, ann.supporting), (STORY[1:], (1,)))
    self.assertEqual(bob, BOB)
    self.assertIn('1 of 2 texts is longer than --max_length=2', said.getvalue())
    self.assertIn('loses its start', said.getvalue())

  def test_unknown_words_are_named(self):
    symbols = answering.Symbols.of(answering.Config(), TRAIN)
    said = io.StringIO()
    answering.say_unknown(symbols, TRAIN.questions, 'train', said)
    self.assertEmpty(said.getvalue())
    asked = BOB._replace(text='Who slept, zebra?')
    answering.say_unknown(symbols, [asked], 'typed', said)
    self.assertEqual(
      said.getvalue(),
      'typed: words that are read as unknown: 2 (slept, zebra)\n',
    )

  def test_shares_are_of_all_and_of_each_kind(self):
    asked = [ANN, ANN, BOB]
    shares = answering.by_kind(asked, ['in', 'out', 'Bob'])
    self.assertEqual(
      shares, {'accuracy': 2 / 3, 'accuracy_where': 0.5, 'accuracy_who': 1}
    )
    self.assertEqual(
      answering.by_kind(asked[:2], ['in', 'out']), {'accuracy': 0.5}
    )

  def test_no_name_of_a_kind_hides_a_share(self):
    kinds = ('all', 'a b', 'a_b', '')
    self.assertEqual(
      answering.by_kind(
        [ANN._replace(kind=kind) for kind in kinds], ['out', 'in', 'out', 'in']
      ),
      {'accuracy': 0.5, 'accuracy_all': 0, 'accuracy_a_b': 0.5, 'accuracy_': 1},
    )

  def test_an_answer_that_was_never_learnt_is_a_mistake(self):
    symbols = answering.Symbols.of(answering.Config(), TRAIN)
    read = lambda params, asked: (np.tile([0.2, 0.8], (len(asked), 1)), None)
    parts = {'train': [ANN], 'test': [ANN, BOB, BOB._replace(answer='Cid')]}
    self.assertEqual(
      answering.measure(read, None, symbols, parts),
      {
        'test/accuracy': 1 / 3,
        'test/accuracy_where': 1,
        'test/accuracy_who': 0,
      },
    )


if __name__ == '__main__':
  absltest.main()
