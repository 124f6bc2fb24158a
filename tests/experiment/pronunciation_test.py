"""Tests for seqjax.experiment.pronunciation."""

import jax
import numpy as np
from absl.testing import absltest

from seqjax import errors
from seqjax.data.text import cmudict
from seqjax.experiment import pronunciation, writing

TRAIN = cmudict.collect(
  [
    ('read', ('R', 'EH', 'D')),
    ('read', ('R', 'IY', 'D')),
    ('dear', ('D', 'IH', 'R')),
  ],
  'train',
)


class PronunciationTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.symbols = pronunciation.Symbols.of(TRAIN)

  def test_the_symbols_are_those_of_the_training_part(self):
    self.assertEqual(self.symbols.letters.symbols[1:], tuple('ader'))
    # Most frequent first, each way to say a word counted.
    self.assertEqual(
      self.symbols.sounds.symbols[1:], ('D', 'R', 'EH', 'IH', 'IY')
    )

  def test_every_way_to_say_a_word_is_learnt_from(self):
    letters, sounds = pronunciation.encode_entries(
      writing.Config(), self.symbols, TRAIN
    )
    self.assertEqual(
      [''.join(self.symbols.letters.decode(x)) for x in letters],
      ['read', 'read', 'dear'],
    )
    self.assertEqual(
      [' '.join(self.symbols.sounds.decode(x)) for x in sounds],
      ['R EH D', 'R IY D', 'D IH R'],
    )

  def test_a_way_that_is_too_long_is_not_learnt_from(self):
    longer = cmudict.collect(
      [*cmudict.entries(TRAIN), ('a', ('D',) * 5), ('reader', ('D',))], 'x'
    )
    letters, _ = pronunciation.encode_entries(
      writing.Config(max_length=4), self.symbols, longer
    )
    self.assertLen(letters, 3)
    with self.assertRaisesRegex(errors.UserError, 'those of train are longer'):
      pronunciation.encode_entries(
        writing.Config(max_length=2), self.symbols, TRAIN
      )

  def test_what_is_not_read_is_said(self):
    lost = lambda *words: pronunciation.lost(
      writing.Config(max_length=4), self.symbols, words
    )
    self.assertEqual(lost('dare', 'era', ''), [])
    self.assertEqual(
      lost('dared', 'rare', 'raided', 'dry'),
      [
        'words with letters that were never learnt: 2',
        'words longer than --max_length=4, not learnt from and else read up to '
        'there: 2',
      ],
    )

  def test_nothing_is_said_by_parameters_that_are_no_numbers(self):
    config = writing.Config(
      hidden_size=4, embedding_size=4, max_written=3, eval_batch_size=2
    )
    model = pronunciation.make_model(config, self.symbols)
    letters, sounds = pronunciation.encode_entries(config, self.symbols, TRAIN)
    batches, _ = writing.make_batches(
      config, letters, sounds, len(self.symbols.sounds)
    )
    task = writing.make_task(config, model)
    params = task.init(jax.random.key(0), batches(0))
    say = pronunciation.make_say(config, model, self.symbols)
    self.assertLen(say(params, ['read', 'dear']), 2)
    spoilt = jax.tree.map(lambda x: x * np.float32(np.nan), params)
    with self.assertRaisesRegex(errors.UserError, 'parameters .* not finite'):
      say(spoilt, ['read', 'dear'])

  def test_any_variant_is_right_and_the_nearest_counts(self):
    said = [('R', 'IY', 'D'), ('D', 'R', 'R', 'R')]
    self.assertEqual(
      pronunciation.score(said, TRAIN),
      {'phone_error_rate': 2 / 6, 'word_error_rate': 0.5},
    )
    said = [('R', 'IY'), ('D', 'IH', 'R')]
    self.assertEqual(
      pronunciation.score(said, TRAIN),
      {'phone_error_rate': 1 / 6, 'word_error_rate': 0.5},
    )

  def test_the_baselines_say_what_is_likeliest_and_what_is_nearest(self):
    entries = [
      ('ab', 'AB'),
      ('ba', 'BA'),
      ('b', 'B'),
      ('cc', 'AA'),
      ('....', 'C'),
    ]
    parts = {
      'train': cmudict.collect(entries, 'train'),
      'test': cmudict.collect([('aab', 'AAB'), ('.z', ())], 'test'),
    }
    found = pronunciation.score_baselines(
      writing.Config(max_length=3),
      pronunciation.Symbols.of(parts['train']),
      parts,
    )
    # Letter by letter all is right: those never learnt are silent. Nearest to
    # aab is ab, and to .z, ab again, for its sounds are the first.
    self.assertEqual(
      found,
      {
        'likeliest sound of each letter': {
          'phone_error_rate': 0,
          'word_error_rate': 0,
        },
        'word that is spelt most alike': {
          'phone_error_rate': 3 / 3,
          'word_error_rate': 1,
        },
      },
    )


if __name__ == '__main__':
  absltest.main()
