"""Tests for seqjax.experiment.anomaly.detector."""

import jax
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import models
from seqjax.data.timeseries import recordings
from seqjax.data.timeseries import series as series_lib
from seqjax.experiment.anomaly import detector, tables

CONFIG = detector.Config(
  cell='gru', hidden_size=5, horizon=3, window=16, context=4, batch_size=2
)


def recording(lengths=(90, 70), columns=2):
  random = np.random.RandomState([0])
  none = tuple(np.zeros((n, 0)) for n in lengths)
  series = series_lib.Series(
    names=tuple('ab'),
    times=tuple(np.arange(n) for n in lengths),
    targets=tuple(5 + 2 * random.randn(n, columns) for n in lengths),
    past=none,
    known=none,
    static=np.zeros((2, 0)),
    columns=series_lib.Columns(('x', 'y')[:columns]),
    frequency=None,
    name='made',
  )
  start = np.datetime64('2024-03-01', 's')
  times = tuple(start + 600 * np.arange(n) for n in lengths)
  return recordings.recording(series, times)


def parts(made):
  ends = np.array([len(y) for y in made.series.targets])
  bounds = np.stack([0 * ends, ends // 2, ends * 3 // 4, ends], axis=1)
  return tables.Parts(*(bounds[:, i : i + 2] for i in range(3)))


class DetectorTest(parameterized.TestCase):
  def test_scales_come_from_the_training_part_alone(self):
    made = recording()
    changed = made._replace(
      series=made.series._replace(
        targets=tuple(
          np.where(np.arange(len(y))[:, None] < len(y) // 2, y, 99)
          for y in made.series.targets
        )
      )
    )
    for one, other in zip(
      detector.fit_scaling(made, parts(made)),
      detector.fit_scaling(changed, parts(made)),
      strict=True,
    ):
      np.testing.assert_array_equal(one, other)

  def test_what_is_squashed_comes_back(self):
    values = np.array([-80.0, -3, 0, 0.1, 400])
    squashed = detector.squash(values)
    np.testing.assert_allclose(detector.unsquash(squashed), values)
    np.testing.assert_allclose(squashed[3], 0.1, rtol=1e-3)
    self.assertLess(squashed[4], 20)
    self.assertTrue(np.isfinite(detector.unsquash(np.array([-1e9, 1e9]))).all())

  def test_the_clock_tells_the_time_of_the_day(self):
    times = np.array(['2024-01-01T06', '2025-07-09T06'], 'datetime64[s]')
    found = detector.clock_of(times, 2)
    self.assertEqual(found.shape, (2, 6))
    np.testing.assert_array_equal(found[0], found[1])
    self.assertEqual(detector.clock_of(None, 7).shape, (7, 0))

  @parameterized.parameters('train', 'valid')
  def test_every_target_lies_in_its_part(self, name):
    made = recording()
    scaling = detector.fit_scaling(made, parts(made))
    read = detector.read_series(CONFIG, made, scaling)
    part = getattr(parts(made), name)
    batches, count = detector.make_batches(CONFIG, read, part, shuffle=False)
    found = []
    for index in range(count):
      batch = batches(index)
      found.append(batch.targets[batch.weights > 0])
    expected = []
    for s, (first, end) in enumerate(part):
      y = detector.squash(scaling.apply(made.series.targets[s], s))
      # Row t is a target of the K rows before it, where there are so many.
      for t in range(first, end):
        count = min(CONFIG.horizon, t - max(first - 1, 0))
        expected.append(np.repeat(y[t], count))
    np.testing.assert_allclose(
      np.sort(np.concatenate(found)),
      np.sort(np.concatenate(expected)),
      rtol=1e-6,
    )

  def test_rows_are_read_alike_however_many_come_at_once(self):
    made = recording((detector.CHUNK_ROWS + 30, 70))
    scaling = detector.fit_scaling(made, parts(made))
    read = detector.read_series(CONFIG, made, scaling)
    model = detector.make_model(CONFIG, 2, 6)
    batches, _ = detector.make_batches(
      CONFIG, read, parts(made).train, shuffle=True
    )
    params = models.forecaster.task(model).init(jax.random.key(0), batches(0))
    # The last layer begins at zero, and would hide what the others do.
    noise = lambda x: (
      x
      + np.float32(0.3)
      * np.cos(np.arange(x.size)).reshape(x.shape).astype(np.float32)
    )
    params = jax.tree.map(noise, params)
    say = detector.make_say(model)
    values = scaling.apply(made.series.targets[0], 0)
    arrays = [
      values,
      np.zeros_like(values),
      detector.clock_of(made.times[0], len(values)),
    ]

    def run(cuts):
      carry = models.forecaster.first_carry(model, params, 1)
      found = []
      for chunk in zip(*(np.split(x, cuts) for x in arrays), strict=True):
        carry, said = say(params, carry, *chunk)
        found.append(said)
      return np.concatenate(found)

    whole = run([])
    self.assertEqual(whole.shape, (len(values), 3, 2))
    np.testing.assert_array_equal(run([1, 2, 40, 40, 200]), whole)
    # As the model has it in one piece.
    raw, _ = model.apply(
      params,
      batches(0).inputs._replace(
        **{
          name: np.asarray(x, np.float32)[:, None]
          for name, x in {
            'values': detector.squash(arrays[0]),
            'missing': arrays[1],
            'past': arrays[2],
            'known': np.zeros((len(values), 3, 0)),
            'base': np.zeros((len(values), 3, 2)),
            'static': np.zeros((len(values), 0)),
            'scale': np.ones((len(values), 2)),
          }.items()
        }
      ),
    )
    np.testing.assert_allclose(
      whole,
      detector.unsquash(raw[:, 0, :, :, 0] + detector.squash(values)[:, None]),
      rtol=1e-4,
      atol=1e-4,
    )


if __name__ == '__main__':
  absltest.main()
