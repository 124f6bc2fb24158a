"""Tests for seqjax.data.audio.filterbanks."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.audio import filterbanks

RATE = 8000


def noise(length, seed=0):
  return np.random.RandomState(seed).randn(length).astype(np.float32) / 10


def log_mel(samples, rate, num_bands):
  """As the Kaldi book has it, one frame after the other, in float64."""
  window, step = rate * 25 // 1000, rate * 10 // 1000
  size = 2 ** int(np.ceil(np.log2(window)))
  mel = lambda hertz: 1127 * np.log(1 + hertz / 700)
  edges = np.linspace(mel(20), mel(rate / 2), num_bands + 2)
  at = mel(np.arange(size // 2) * rate / size)
  rising = (at[None] - edges[:-2, None]) / (edges[1] - edges[0])
  falling = (edges[2:, None] - at[None]) / (edges[1] - edges[0])
  bands = np.maximum(np.minimum(rising, falling), 0)
  povey = (
    0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / (window - 1))
  ) ** (0.85)
  frames = []
  for t in range((len(samples) + step // 2) // step):
    places = np.arange(window) + t * step + step // 2 - window // 2
    # Reflected at the ends.
    places = np.where(places < 0, -places - 1, places)
    last = len(samples) - 1
    places = np.where(places > last, 2 * last + 1 - places, places)
    frame = samples[places].astype(np.float64) * 2**15
    frame = frame - frame.mean()
    frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
    power = np.abs(np.fft.rfft(frame * povey, size)[: size // 2]) ** 2
    frames.append(np.log(np.maximum(bands @ power, np.finfo(np.float32).eps)))
  return np.array(frames)


class LogMelTest(parameterized.TestCase):
  @parameterized.parameters((RATE, 20), (RATE, 40), (16000, 40))
  def test_it_is_what_kaldi_computes(self, rate, num_mels):
    samples = noise(rate // 3)
    found = filterbanks.log_mel(samples, rate, num_mels)
    self.assertEqual(found.dtype, np.float32)
    expected = log_mel(samples, rate, num_mels)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)

  @parameterized.parameters((80, 1), (119, 1), (120, 2), (200, 3), (8000, 100))
  def test_there_are_as_many_frames_as_steps(self, length, expected):
    found = filterbanks.log_mel(noise(length), RATE, 13)
    self.assertEqual(found.shape, (expected, 13))

  def test_it_draws_nothing(self):
    # Kaldi adds noise unless it is told not to.
    a, b = (filterbanks.log_mel(noise(900), RATE) for _ in range(2))
    np.testing.assert_array_equal(a, b)

  def test_silence_is_finite(self):
    found = filterbanks.log_mel(np.zeros(900, np.float32), RATE)
    self.assertTrue(np.isfinite(found).all())

  def test_too_many_bands_are_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, '128 bands are too many'):
      filterbanks.log_mel(noise(900), RATE, 128)


class NormalisedTest(parameterized.TestCase):
  def test_every_band_has_mean_zero_and_deviation_one(self):
    frames = np.random.RandomState(0).randn(50, 3) * [1, 20, 300] + 7
    found = filterbanks.normalised(frames)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), 1)

  def test_loudness_and_a_filter_change_nothing(self):
    samples = noise(4000)
    a, b = (
      filterbanks.steps(x, RATE, 20, 3) for x in (samples, samples * 0.05)
    )
    np.testing.assert_allclose(a, b, atol=1e-3)

  def test_what_never_changes_is_zero(self):
    found = filterbanks.steps(np.zeros(900, np.float32), RATE, 20, 2)
    np.testing.assert_allclose(found, 0, atol=0.01)  # float32 of a mean
    np.testing.assert_array_equal(filterbanks.normalised(np.ones((1, 4))), 0)


class StackedTest(parameterized.TestCase):
  @parameterized.parameters((1, 7), (2, 4), (3, 3), (7, 1), (9, 1))
  def test_frames_stand_side_by_side_and_none_is_lost(self, size, steps):
    frames = np.random.RandomState(0).randn(7, 2)
    found = filterbanks.stacked(frames, size)
    self.assertEqual(found.shape, (steps, 2 * size))
    np.testing.assert_array_equal(found.reshape(-1, 2)[:7], frames)
    np.testing.assert_array_equal(found.reshape(-1, 2)[7:], 0)


if __name__ == '__main__':
  absltest.main()
