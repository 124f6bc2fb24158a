"""Bands after calibration: how often they hold, and what they leave alone."""

import numpy as np
from absl.testing import absltest
from folder_case import FolderTestCase

from seqjax import array_files, errors
from seqjax.experiment.forecasting import backtest, bands, forecaster

N, K, D = 400, 3, 2
CONFIG = forecaster.Config(bands=(50, 90))


def make_forecasts(seed, n=N, width=0.1):
  """Errors of another spread at every lead, and bands all of one width."""
  random = np.random.RandomState(seed)
  targets = random.randn(n, K, D) * np.arange(1, K + 1)[:, None]
  point = np.zeros((n, K, D))
  ends = np.array([-2, -1, 0, 1, 2]) * width
  return backtest.Forecasts(
    series=np.zeros(n, int),
    rows=np.arange(n),
    targets=targets,
    weights=np.ones((n, K, D)),
    point=point,
    quantiles=point[..., None] + ends,
  )


def shares(said):
  """How often each band holds, [bands, K]."""
  found = []
  for band in CONFIG.bands:
    low, high = bands.band_of(said.quantiles, CONFIG.levels, band)
    inside = (low <= said.targets) & (said.targets <= high)
    found.append(inside.mean(axis=(0, 2)))
  return np.array(found)


class BandsTest(FolderTestCase):
  def test_they_hold_at_every_lead_what_they_promise(self):
    for width in (0.1, 5.0):  # Too narrow, and too wide.
      corrections = bands.calibrate(CONFIG, make_forecasts(0, width=width))
      fresh = make_forecasts(1, n=4000, width=width)
      said = bands.adjust(CONFIG, fresh, corrections)
      found = shares(said) - np.array([[0.5], [0.9]])
      self.assertLess(np.abs(found).max(), 0.06)

  def test_they_do_not_cross(self):
    corrections = bands.calibrate(CONFIG, make_forecasts(0, width=9.0))
    said = bands.adjust(CONFIG, make_forecasts(1, width=9.0), corrections)
    self.assertTrue((np.diff(said.quantiles, axis=-1) >= 0).all())

  def test_the_point_stays(self):
    corrections = bands.calibrate(CONFIG, make_forecasts(0))
    said = make_forecasts(1)
    adjusted = bands.adjust(CONFIG, said, corrections)
    np.testing.assert_array_equal(adjusted.point, said.point)
    np.testing.assert_array_equal(adjusted.quantiles[..., 2], said.point)

  def test_too_few_forecasts_leave_a_band_as_it_is(self):
    config = forecaster.Config(bands=(90,))
    few, said = make_forecasts(0, n=5), make_forecasts(1)
    few, said = (
      x._replace(quantiles=x.quantiles[..., [0, 2, 4]]) for x in (few, said)
    )
    corrections = bands.calibrate(config, few)
    self.assertTrue(np.isinf(corrections).all())
    self.assertIn('Too few', bands.notice(config, corrections))
    adjusted = bands.adjust(config, said, corrections)
    np.testing.assert_array_equal(adjusted.quantiles, said.quantiles)

  def test_enough_forecasts_need_no_notice(self):
    corrections = bands.calibrate(CONFIG, make_forecasts(0))
    self.assertEqual(bands.notice(CONFIG, corrections), '')

  def test_a_band_holds_the_one_within_it(self):
    corrections = bands.calibrate(CONFIG, make_forecasts(0, n=5))
    said = bands.adjust(CONFIG, make_forecasts(1), corrections)
    self.assertTrue((np.diff(said.quantiles, axis=-1) >= 0).all())

  def test_further_ahead_the_last_correction_stands(self):
    corrections = bands.calibrate(CONFIG, make_forecasts(0))
    said = make_forecasts(1)
    further = said._replace(
      quantiles=np.concatenate([said.quantiles, said.quantiles[:, -1:]], 1)
    )
    further = further._replace(point=further.quantiles[..., 2])
    adjusted = bands.adjust(CONFIG, further, corrections).quantiles
    np.testing.assert_array_equal(adjusted[:, -1], adjusted[:, -2])

  def test_what_is_saved_is_read_again(self):
    corrections = bands.calibrate(CONFIG, make_forecasts(0, n=5))
    bands.save(self.folder, corrections)
    np.testing.assert_array_equal(bands.load(self.folder), corrections)

  def test_before_the_end_of_a_training_there_are_none(self):
    self.assertIsNone(bands.load(self.folder))
    self.assertIn('end of the training', bands.notice(CONFIG, None))
    said = make_forecasts(0)
    self.assertIs(bands.adjust(CONFIG, said, None), said)

  def test_a_damaged_file_is_a_sentence(self):
    array_files.write(self.folder / bands.NAME, {'other': np.zeros(3)}, {})
    with self.assertRaisesRegex(errors.UserError, 'is damaged'):
      bands.load(self.folder)

  def test_a_narrow_band_holds_its_forecast(self):
    said = make_forecasts(1)
    aside = said._replace(quantiles=said.quantiles + 0.15)
    corrections = np.full((2, K, D), -9.0)
    adjusted = bands.adjust(CONFIG, aside, corrections).quantiles
    self.assertTrue((adjusted[..., 0] <= said.point).all())
    self.assertTrue((adjusted[..., -1] >= said.point).all())


if __name__ == '__main__':
  absltest.main()
