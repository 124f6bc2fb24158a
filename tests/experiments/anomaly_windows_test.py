"""Windows of a series end to end, small: one run is used by most tests."""

import pathlib

import experiment_case
import numpy as np
from absl.testing import absltest, parameterized

from experiments import anomaly_windows

SMALL = (
  '--train_file=heat.csv',
  '--target_columns=heat',
  '--time_column=time',
  '--label_column=odd',
  '--window_rows=10',
  '--test_fraction=0.4',
  '--valid_fraction=0.2',
  '--cell=elman',
  '--hidden_size=8',
  '--batch_size=8',
  '--dropout_rate=0',
  '--learning_rate=0.03',
  '--steps=60',
  '--eval_every=30',
)


def heat(num_rows=995):
  """In every other window of ten rows, one is high; some values are missing."""
  random = np.random.RandomState([0])
  lines = ['time,heat,odd\n']
  start = np.datetime64('2024-01-01', 's')
  for t in range(num_rows):
    odd = int(t % 20 == 13)
    value = '' if t % 31 == 5 else f'{random.randn() + 6 * odd:.3f}'
    lines.append(f'{start + 60 * t},{value},{odd}\n')
  return ''.join(lines)


class AnomalyWindowsTest(experiment_case.ExperimentTestCase):
  module = anomaly_windows

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('heat.csv').write_text(heat())
    cls.trained = cls.main(*SMALL, '--workdir=run')

  def test_it_ends_well_and_learns(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''))
    # 597 rows to learn from, of which the last window is one of 60.
    for part in ('48 to train', '12 to valid', '40 to test', 'majority 0.5'):
      self.assertIn(part, out)
    self.assertGreater(self.result()['metrics']['test/accuracy'], 0.85)

  def test_evaluation_repeats_the_result(self):
    code, out, _ = self.main('--workdir=run', '--mode=evaluate')
    self.assertEqual(code, 0)
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    self.assertEqual(out.splitlines()[1:], sorted(expected))

  def test_every_window_held_out_has_a_line(self):
    code, out, err = self.main('--workdir=run', '--mode=predict')
    self.assertEqual(code, 0, err)
    head, *lines = [line.split('\t') for line in out.splitlines()]
    self.assertEqual(head, ['series', 'from', 'to', 'event', 'labelled'])
    self.assertLen(lines, 40)
    self.assertEqual(lines[0][1], '2024-01-01 09:57:00')
    self.assertEqual(lines[0][2], '2024-01-01 10:06:00')
    # The last one ends with the series.
    self.assertEqual(lines[-1][2], '2024-01-01 16:34:00')
    right = np.mean([(float(x[3]) > 0.5) == (x[4] == 'event') for x in lines])
    self.assertAlmostEqual(right, self.result()['metrics']['test/accuracy'])

  def test_a_window_with_any_row_of_an_event_has_it(self):
    config = anomaly_windows.Config(window_rows=10)
    recording = anomaly_windows.read(config)._replace(
      events=(np.array([[20, 25]]),)
    )
    firsts = [10, 11, 16, 24, 25]
    found = anomaly_windows.make_labels(
      config, recording, [(0, first) for first in firsts]
    )
    self.assertEqual(found.tolist(), [0, 1, 1, 1, 0])

  @parameterized.parameters(
    ('fewer than --window_rows=400', '--window_rows=400'),
    ('only event ones', '--window_rows=200'),
    ('needs --label_column', '--label_column='),
  )
  def test_what_cannot_be_learnt_is_refused(self, words, *arguments):
    self.assert_refused(words, SMALL, *arguments)


if __name__ == '__main__':
  absltest.main()
