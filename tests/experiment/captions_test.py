"""What captions are worth, and where the model looked."""

import io

import numpy as np
from absl.testing import absltest

from seqjax import data
from seqjax.data import tokens
from seqjax.data.vision import captioned
from seqjax.experiment import captions, decoding

PICTURES = np.zeros((2, 8, 12, 1), np.uint8)
PART = captioned.collect(
  PICTURES,
  [['A  Cat above a dog', 'Two.'], ['a dog']],
  'ab',
  'two',
  boxes=[{1: (0, 0, 4, 4), 4: (4, 8, 8, 12)}, {1: (4, 4, 8, 8)}],
)


def tokenizer():
  texts = [captions.normal(x) for each in PART.captions for x in each]
  return tokens.fit(texts, 'words', spaced=True)


class CaptionsTest(absltest.TestCase):
  def test_every_caption_is_learnt_beside_its_picture(self):
    owners, ids = captions.encode(tokenizer(), PART)
    self.assertEqual(owners, [0, 0, 1])
    found = [tokenizer().join(x) for x in ids]
    self.assertEqual(found, ['a cat above a dog', 'two.', 'a dog'])

  def test_any_of_the_captions_is_right(self):
    scores = captions.score(['two.', 'a cat'], PART)
    self.assertEqual(scores['exact'], 0.5)
    right = captions.score(['a cat above a dog', 'a dog'], PART)
    self.assertEqual(right['exact'], 1)
    self.assertAlmostEqual(right['bleu'], 100)

  def test_a_hit_is_a_peak_in_the_box_of_the_word(self):
    first, second = np.zeros((6, 2, 3)), np.zeros((3, 2, 3))
    first[1, 0, 0] = first[4, 1, 1] = second[1, 1, 1] = 0.9
    self.assertAlmostEqual(captions.share_seen([first, second], PART), 2 / 3)
    first[4, 1, 2] = 0.95
    self.assertEqual(captions.share_seen([first, second], PART), 1)

  def test_captions_that_were_cut_are_counted(self):
    ended, cut = (
      ('a cat', decoding.Hypothesis([1, 2], -1.0, -0.5, ended))
      for ended in (True, False)
    )
    config = captions.Config(max_written=2)
    for written, expected in (
      ([[ended, cut], [cut]], 'within --max_written=2, and are cut: 2 of 3.'),
      ([[ended]], ''),
    ):
      said = io.StringIO()
      captions.say_cut(config, written, said)
      self.assertEndsWith(said.getvalue().strip(), expected)
      self.assertEqual(bool(said.getvalue()), bool(expected))

  def test_a_batch_has_the_end_after_each_caption(self):
    config = captions.Config(eval_batch_size=3, max_compilations=1)
    batches, plan = captions.make_batches(config, tokenizer(), PART)
    self.assertEqual(list(plan.lengths), [6, 3, 3])
    end = len(tokenizer().vocabulary)
    batch = batches(0)
    self.assertIsInstance(batch, data.Batch)
    np.testing.assert_array_equal((batch.targets == end).sum(axis=0), [1] * 3)


if __name__ == '__main__':
  absltest.main()
