"""The result of a sweep as text."""

import random

from absl.testing import absltest, parameterized
from sweep_groups import group

from seqjax.sweeps import summary, table
from seqjax.sweeps import trial as trials


class TableTest(parameterized.TestCase):
  def test_it_says_everything_in_columns(self):
    groups = [
      group({'learning_rate': 0.003, 'sizes': (64,)}, [1.5, 1.6], 'a'),
      group({'learning_rate': 0.01, 'sizes': (128, 64)}, [2, 'diverged'], 'b'),
      group({'learning_rate': 1.0, 'sizes': (64,)}, ['failed', 'diverged']),
    ]
    self.assertEqual(
      table.table(groups, 'valid/loss').splitlines(),
      [
        '3 settings, 6 trials: 3 done, 2 diverged, 1 failed. By valid/loss, '
        'lower is better.',
        'Each mean is over n seeds, with its 95 % interval; a single seed has '
        'none.',
        'Where a seed has no score the mean is of the others, and stands '
        'behind.',
        'learning_rate  sizes    mean  ± 95 %  n   best  worst  diverged  '
        'failed',
        '        0.003  64      1.550    0.64  2  1.500  1.600',
        '         0.01  128,64  2.000       -  1  2.000  2.000         1',
        '          1.0  64          -       -  0      -      -         1'
        '       1',
        'Best run: a-s0 (1.500)',
      ],
    )

  def test_higher_may_be_better(self):
    lines = table.table([group({}, [0.5, 0.75])], 'accuracy', True)
    self.assertEqual(
      lines.splitlines(),
      [
        '1 setting, 2 trials: 2 done. By accuracy, higher is better.',
        'Each mean is over n seeds, with its 95 % interval.',
        '  mean  ± 95 %  n    best   worst',
        '0.6250     1.6  2  0.7500  0.5000',
        'Best run: run-s1 (0.7500)',
      ],
    )

  def test_without_seeds_there_is_no_column_of_them(self):
    groups = [group({'cell': x}, [i]) for i, x in enumerate(['gru', 'lstm'])]
    self.assertEqual(
      table.table(groups, 'loss').splitlines()[1:],
      [
        'One seed each, so no mean has an interval.',
        'cell   mean',
        'gru   0.000',
        'lstm  1.000',
        'Best run: run-s0 (0.000)',
      ],
    )

  def test_where_nothing_ended_well_no_run_is_the_best(self):
    text = table.table([group({'x': 1}, ['diverged', 'diverged'])], 'loss')
    self.assertIn('0 done, 2 diverged', text)
    self.assertNotIn('Best', text)

  @parameterized.parameters(34, 35, 500)
  def test_what_is_too_much_is_counted(self, n):
    groups = [group({'x': i}, [i, i]) for i in range(n - 1)]
    groups.append(group({'x': n}, [1, 'diverged']))
    lines = table.table(groups, 'loss').splitlines()
    self.assertLessEqual(len(lines), 40)
    rest = [line for line in lines if 'sweep.jsonl' in line]
    if n == 34:
      self.assertEmpty(rest)
    elif n == 35:
      self.assertEqual(rest, ['and 1 setting more (1 diverged) in sweep.jsonl'])
    else:
      self.assertEqual(
        rest, ['and 466 settings more (1 diverged) in sweep.jsonl']
      )

  def test_long_values_and_large_numbers_keep_their_columns(self):
    groups = [
      group(
        {'text_file': '/home/me/texts/a/long/way/down/book.txt'}, [12345.6]
      ),
      group({'text_file': ''}, [1e-9]),
    ]
    lines = table.table(groups, 'loss').splitlines()
    self.assertEqual(
      lines[2:5],
      [
        'text_file                      mean',
        '/home/me/tex…wn/book.txt  1.235e+04',
        '                          1.000e-09',
      ],
    )

  def test_it_does_not_depend_on_who_ended_first(self):
    rows = [
      (
        trials.Trial(f'{cell}-s{seed}', {'cell': cell, 'seed': seed}, '', 9),
        trials.Outcome('done', {'loss': 0.1 * seed}, random.random()),
      )
      for cell in ('gru', 'lru')
      for seed in range(5)
    ]

    def text():
      return table.table(summary.groups(rows, ['cell', 'seed'], 'loss'), 'loss')

    expected = text()
    for seed in range(10):
      random.Random(seed).shuffle(rows)
      self.assertEqual(text(), expected)


if __name__ == '__main__':
  absltest.main()
