"""The forecasting experiment by its command line, on small tables."""

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys

import jax
import numpy as np
from absl.testing import absltest, parameterized
from experiment_case import ExperimentTestCase

from experiments import forecasting

NUM_ROWS, HORIZON = 160, 4
SMALL = (
  '--train_file=sales.csv',
  '--time_column=day',
  '--target_columns=sold',
  '--known_columns=promotion',
  f'--horizon={HORIZON}',
  '--hidden_size=8',
  '--decoder_size=8',
  '--window=14',
  '--context=14',
  '--batch_size=4',
  '--steps=30',
  '--learning_rate=0.02',
  '--eval_every=15',
)


def without(arguments, *names):
  return [x for x in arguments if x.split('=')[0].strip('-') not in names]


def sales(num_rows=NUM_ROWS, seed=0):
  """A weekly pattern, and promotions that double what is sold."""
  random = np.random.RandomState(seed)
  days = np.arange(num_rows)
  promotion = random.rand(num_rows) < 0.3
  week = 20 + 10 * np.sin(2 * np.pi * days / 7)
  return promotion, week * (1 + promotion) + random.randn(num_rows)


def write_table(path, num_rows=NUM_ROWS, num_future=10, change=None):
  """A table whose last rows know promotions only."""
  promotion, sold = sales(num_rows + num_future)
  first = np.datetime64('2024-01-01')
  rows = [
    [first + i, f'{y:.3f}' if i < num_rows else '', int(p)]
    for i, (p, y) in enumerate(zip(promotion, sold, strict=True))
  ]
  for row, column, text in change or ():
    rows[row][column] = text
  lines = [['day', 'sold', 'promotion'], *rows]
  text = ''.join(','.join(map(str, line)) + '\n' for line in lines)
  pathlib.Path(path).write_text(text)


def read_forecast(path):
  with open(path, newline='') as file:
    return list(csv.DictReader(file))


class ForecastingTest(ExperimentTestCase):
  module = forecasting

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    write_table('sales.csv')
    cls.first = cls.main(*SMALL, '--workdir=run')

  def test_it_learns_and_says_what_that_is_worth(self):
    code, out, err = self.first
    self.assertEqual((code, err), (0, ''), out)
    self.assertIn('one series of sold, every 1d; rows: 112 to learn', out)
    header = next(line for line in out.splitlines() if 'mse_scaled' in line)
    self.assertIn('coverage_90', header)
    for name in ('naive', 'season 7', 'ridge', 'network'):
      self.assertIn(f'\n{name} ', out)
    self.assertIn('beats the ridge', out)
    figures = {path.name for path in pathlib.Path('run/figures').iterdir()}
    self.assertContainsSubset(
      {'forecast.png', 'error_by_lead.png', 'learning_curves.png'}, figures
    )

  def test_evaluation_repeats_the_numbers_at_any_batch_size(self):
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    for size in (1, 7, 64):
      code, out, err = self.main(
        '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
      )
      self.assertEqual((code, err), (0, 'run at step 30\n'))
      self.assertEqual(out.splitlines()[1:], sorted(expected))

  def test_a_forecast_is_a_table_of_the_rows_to_come(self):
    code, out, err = self.main('--workdir=run', '--mode=predict')
    self.assertEqual((code, err), (0, 'run at step 30\n'))
    rows = read_forecast(out.strip())
    self.assertEqual(
      list(rows[0]),
      ['time', 'sold']
      + [f'sold_{end}_{band}' for band in (50, 90) for end in ('low', 'high')],
    )
    self.assertTrue(pathlib.Path('run/figures/ahead.png').exists())
    start = np.datetime64('2024-01-01') + NUM_ROWS
    times = [str(start + i) for i in range(HORIZON)]
    self.assertEqual([row['time'] for row in rows], times)
    for row in rows:
      numbers = [
        float(row[name])
        for name in (
          'sold_low_90',
          'sold_low_50',
          'sold',
          'sold_high_50',
          'sold_high_90',
        )
      ]
      self.assertEqual(numbers, sorted(numbers))

  def test_promotions_to_come_are_believed(self):
    # The same rows, told that the promotions are the other days.
    promotion, _ = sales(NUM_ROWS + 10)
    change = [
      (NUM_ROWS + i, 2, int(not promotion[NUM_ROWS + i])) for i in range(10)
    ]
    write_table('other.csv', change=change)
    said = []
    for file in ('sales.csv', 'other.csv'):
      code, out, err = self.main(
        '--workdir=run',
        '--mode=predict',
        f'--rows_file={file}',
        f'--output={file}.forecast.csv',
      )
      self.assertEqual(code, 0, err)
      said.append([float(row['sold']) for row in read_forecast(out.strip())])
    more = promotion[NUM_ROWS : NUM_ROWS + HORIZON]
    difference = np.subtract(*said) * np.where(more, 1, -1)
    self.assertTrue((difference > 5).all(), difference)

  def test_a_shorter_forecast_is_the_beginning_of_the_longer(self):
    texts = []
    for horizon in (HORIZON, 2):
      code, out, err = self.main(
        '--workdir=run',
        '--mode=predict',
        f'--horizon={horizon}',
        '--output=short.csv',
      )
      self.assertEqual(code, 0, err)
      texts.append(pathlib.Path(out.strip()).read_text().splitlines())
    self.assertEqual(texts[1], texts[0][:3])

  def test_rows_that_were_added_are_continued(self):
    write_table('more.csv', NUM_ROWS + 3)
    code, out, err = self.main(
      '--workdir=run', '--mode=predict', '--rows_file=more.csv', '--horizon=1'
    )
    self.assertEqual(code, 0, err)
    (row,) = read_forecast(out.strip())
    self.assertEqual(
      row['time'], str(np.datetime64('2024-01-01') + NUM_ROWS + 3)
    )

  def test_a_new_run_goes_on_from_another_with_new_rows(self):
    write_table('grown.csv', NUM_ROWS + 20)
    arguments = without(SMALL, 'train_file', 'steps')
    code, out, err = self.main(
      *arguments,
      '--train_file=grown.csv',
      '--init_from=run',
      '--steps=0',
      '--workdir=grown',
    )
    self.assertEqual(code, 0, err)
    self.assertIn('run at step 30', out)
    self.assertIn('Begins from initial.safetensors', out)
    before, after = (
      self.result(name)['metrics']['test/mae'] for name in ('run', 'grown')
    )
    # Trained already: nothing like a forecast of the base alone.
    self.assertLess(after, 1.5 * before)

  def test_nothing_after_the_training_part_is_looked_at(self):
    # Scales, the linear map and the training: all is the same to the end.
    rows = range(130, NUM_ROWS)
    write_table('changed.csv', change=[(row, 1, '999') for row in rows])
    arguments = without(SMALL, 'train_file')
    code, out, err = self.main(
      *arguments, '--train_file=changed.csv', '--workdir=changed'
    )
    self.assertEqual(code, 0, err)
    lines = [
      [
        {k: x for k, x in json.loads(line).items() if 'valid' not in k}
        for line in pathlib.Path(run, 'metrics.jsonl').read_text().splitlines()
      ]
      for run in ('run', 'changed')
    ]
    self.assertEqual(*lines)
    fitted = [
      pathlib.Path(run, 'fitted.safetensors').read_bytes()
      for run in ('run', 'changed')
    ]
    self.assertEqual(*fitted)

  def test_state_is_carried_from_window_to_window(self):
    code, out, err = self.main(*SMALL, '--carried', '--workdir=carried')
    self.assertEqual((code, err), (0, ''), out)
    self.assertIn('beats the ridge', out)
    code, _, err = self.main('--workdir=carried', '--mode=evaluate')
    self.assertEqual(code, 0, err)

  @parameterized.parameters('gaussian', 'student_t', 'point')
  def test_paths_are_drawn_step_by_step(self, head):
    run = f'--workdir=paths_{head}'
    arguments = without(SMALL, 'eval_every')
    code, out, err = self.main(
      *arguments,
      '--decoder=autoregressive',
      f'--head={head}',
      '--num_paths=20',
      '--origin_every=3',
      run,
    )
    self.assertEqual((code, err), (0, ''), out)
    # Beyond what it was measured at: it draws on as long as one likes.
    code, out, err = self.main(
      run, '--mode=predict', f'--horizon={HORIZON + 3}'
    )
    self.assertEqual(code, 0, err)
    self.assertLen(read_forecast(out.strip()), HORIZON + 3)

  def test_counts_are_said_as_counts(self):
    _, sold = sales()
    change = [(i, 1, round(y)) for i, y in enumerate(sold)]
    write_table('counts.csv', change=change)
    arguments = without(SMALL, 'train_file')
    arguments += ['--train_file=counts.csv', '--scaling=mean']
    code, out, err = self.main(
      *arguments, '--head=negative_binomial', '--workdir=counts'
    )
    self.assertEqual((code, err), (0, ''), out)
    arguments[-1] = '--scaling=standard'
    self.assert_refused(
      'use --scaling=mean', arguments, '--head=negative_binomial'
    )

  def test_half_a_count_is_refused(self):
    self.assert_refused(
      'whole numbers of at least 0',
      SMALL,
      '--head=negative_binomial',
      '--scaling=mean',
    )

  @parameterized.named_parameters(
    ('column', '--target_columns=slod', 'Did you mean'),
    ('no_column', '--target_columns=', 'needs --target_columns'),
    ('ahead', '--horizon=40', 'its test part, 32 rows'),
    ('frequency', '--frequency=fortnight', 'frequency'),
    ('test', '--test_rows=150', 'to learn from'),
    ('file', '--train_file=slaes.csv', 'Did you mean'),
    ('past', '--decoder=autoregressive', 'is none: use student_t'),
    ('name', '--head=quantile', "Did you mean 'quantiles'"),
    ('bands', '--bands=90,50,90', 'names one twice'),
    ('rows', '--rows_file=more.csv', 'go with --mode=predict'),
    ('begin', '--init_from=nowhere', 'there is no run'),
  )
  def test_the_users_mistake_is_one_sentence(self, argument, words):
    self.assert_refused(words, SMALL, argument)

  @parameterized.named_parameters(
    ('columns', '--target_columns=promotion', '--target_columns=sold'),
    ('log', '--log', '--log=false'),
    ('base', '--base=ridge', '--base=none'),
  )
  def test_a_run_of_something_else_is_not_gone_on_from(self, argument, words):
    arguments = [
      x for x in SMALL if 'known' not in x or 'target' not in argument
    ]
    self.assert_refused(words, [*arguments, '--init_from=run'], argument)

  def test_rows_at_another_distance_are_refused(self):
    promotion, sold = sales(40)
    lines = ['day,sold,promotion'] + [
      f'{np.datetime64("2024-01-01") + 2 * i},{y:.1f},{int(p)}'
      for i, (p, y) in enumerate(zip(promotion, sold, strict=True))
    ]
    pathlib.Path('sparse.csv').write_text('\n'.join(lines))
    code, _, err = self.main(
      '--workdir=run', '--mode=predict', '--rows_file=sparse.csv'
    )
    self.assertEqual(code, 1)
    self.assertIn('a row every 2d, and the run has one every 1d', err)

  def test_large_numbers_are_written_in_full(self):
    _, sold = sales()
    change = [(i, 1, f'{y + 12345678:.1f}') for i, y in enumerate(sold)]
    write_table('large.csv', change=change)
    arguments = without(SMALL, 'train_file', 'steps')
    code, _, err = self.main(
      *arguments, '--train_file=large.csv', '--steps=0', '--workdir=large'
    )
    self.assertEqual(code, 0, err)
    code, out, err = self.main('--workdir=large', '--mode=predict')
    self.assertEqual(code, 0, err)
    for row in read_forecast(out.strip()):
      self.assertRegex(row['sold'], r'^12345\d{3}\.\d{3}$')
      self.assertLess(float(row['sold_low_90']), float(row['sold_high_90']))

  def test_a_run_that_was_stopped_can_look_ahead(self):
    code, _, err = self.main(
      *without(SMALL, 'steps'), '--steps=1', '--workdir=stopped'
    )
    self.assertEqual(code, 0, err)
    pathlib.Path('stopped/bands.safetensors').unlink()
    code, out, err = self.main('--workdir=stopped', '--mode=predict')
    self.assertEqual(code, 0, err)
    self.assertIn('Bands are calibrated at the end of the training', err)
    self.assertLen(read_forecast(out.strip()), HORIZON)

  @parameterized.named_parameters(
    ('text', [(50, 1, 'twelve')], ("'sold'", 'line 52', 'twelve')),
    ('infinite', [(50, 1, 'inf')], ("'sold'", 'line 52')),
    ('backwards', [(50, 0, '2024-01-05')], ('line 52', 'sort')),
  )
  def test_a_wrong_cell_is_named(self, change, words):
    write_table('wrong.csv', change=change)
    for word in words:
      self.assert_refused(word, SMALL, '--train_file=wrong.csv')

  def test_a_constant_series_is_no_division_by_zero(self):
    change = [(row, 1, '5') for row in range(NUM_ROWS)]
    write_table('constant.csv', change=change)
    arguments = without(SMALL, 'train_file', 'steps')
    code, out, err = self.main(
      *arguments, '--train_file=constant.csv', '--steps=2', '--workdir=constant'
    )
    self.assertEqual((code, err), (0, ''), out)
    self.assertLess(self.result('constant')['metrics']['test/mae'], 0.1)

  def test_what_is_not_known_ahead_is_asked_for(self):
    write_table('unknown.csv', num_future=1)
    code, _, err = self.main(
      '--workdir=run', '--mode=predict', '--rows_file=unknown.csv'
    )
    self.assertEqual(code, 1)
    self.assertIn("'promotion' for 1 of the 4 rows", err)

  def test_a_run_says_what_it_will_have_to_know(self):
    write_table('silent.csv', num_future=0)
    code, out, err = self.main(
      *without(SMALL, 'train_file', 'steps'),
      '--train_file=silent.csv',
      '--steps=0',
      '--workdir=silent',
    )
    self.assertEqual(code, 0, err)
    self.assertIn("'promotion' for 0 of the 4 rows", out)

  def test_a_horizon_beyond_the_trained_one_is_refused(self):
    code, _, err = self.main('--workdir=run', '--mode=predict', '--horizon=5')
    self.assertEqual(code, 1)
    self.assertIn('this run says 4 rows ahead', err)

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    command = [sys.executable, '-m', 'experiments.forecasting', *SMALL]
    command += ['--workdir=killed', '--checkpoint_every=5']
    root = str(pathlib.Path(forecasting.__file__).parents[1])
    # The programs of this process, to the bit.
    careless = jax.config.read('jax_disable_most_optimizations')
    environment = os.environ | {
      'PYTHONPATH': root,
      'JAX_DISABLE_MOST_OPTIMIZATIONS': str(int(careless)),
    }
    process = subprocess.Popen(
      command, env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
      for line in process.stdout:
        if 'step     15 ' in line:
          process.send_signal(signal.SIGKILL)
    self.assertEqual(process.returncode, -signal.SIGKILL)
    code, _, err = self.main(*command[3:])
    self.assertEqual(code, 0, err)
    for name in ('metrics.jsonl', 'result.json', 'bands.safetensors'):
      self.assertEqual(
        pathlib.Path('killed', name).read_bytes(),
        pathlib.Path('run', name).read_bytes(),
        name,
      )


if __name__ == '__main__':
  absltest.main()
