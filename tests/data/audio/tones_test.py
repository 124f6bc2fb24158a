"""Tests for seqjax.data.audio.tones."""

import collections

import numpy as np
from absl.testing import absltest

from seqjax.data.audio import tones


def loudest(samples):
  """The frequency in Hz with the most power."""
  power = np.abs(np.fft.rfft(samples)) ** 2
  return power.argmax() * tones.RATE / len(samples)


class TonesTest(absltest.TestCase):
  def test_everyone_whistles_everything_equally_often(self):
    made = tones.tones(num_speakers=3, num_takes=2)
    said = collections.Counter(zip(made.texts, made.speakers, strict=True))
    self.assertLen(said, 3 * len(tones.CALLS))
    self.assertEqual(set(said.values()), {2})
    self.assertEqual(set(made.indices), {0, 1})
    for samples in made.samples:
      self.assertEqual(samples.dtype, np.float32)
      self.assertBetween(len(samples) / tones.RATE, 0.1, 0.45)
      self.assertLess(np.abs(samples).max(), 1)

  def test_the_seed_decides(self):
    a, b, c = (tones.tones(2, 1, data_seed=x).sha256 for x in (1, 1, 2))
    self.assertEqual(a, b)
    self.assertNotEqual(a, c)

  def test_calls_are_what_they_are_called(self):
    made = tones.tones()
    found = collections.defaultdict(list)
    for text, samples in zip(made.texts, made.samples, strict=True):
      half = len(samples) // 2
      found[text].append((loudest(samples[:half]), loudest(samples[half:])))
    rises = {
      text: np.median([np.log2(b / a) for a, b in pairs])
      for text, pairs in found.items()
    }
    self.assertGreater(rises['up'], 0.3)
    self.assertLess(rises['down'], -0.3)
    for text in ('low', 'high', 'chord'):
      self.assertAlmostEqual(rises[text], 0, delta=0.05)
    low, high = (np.median(np.ravel(found[text])) for text in ('low', 'high'))
    self.assertGreater(high, 1.5 * low)


if __name__ == '__main__':
  absltest.main()
