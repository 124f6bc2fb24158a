"""Groups of trials, as a sweep gives them to its table and figures."""

import math

from seqjax.sweeps import summary


def group(settings, scores, name='run'):
  """Trials `name`-s0, -s1, ...; a word among the scores is a status."""
  return summary.Group(
    settings,
    tuple(f'{name}-s{i}' for i in range(len(scores))),
    tuple(math.nan if isinstance(x, str) else x for x in scores),
    tuple(x if isinstance(x, str) else 'done' for x in scores),
  )


# What every figure draws all the same, by name.
ODD = {
  'one trial': [group({}, [1.5])],
  'one trial that failed': [group({}, ['failed'])],
  'seeds alone': [group({}, [1.5, 1.25, 'diverged'])],
  'all diverged': [group({'x': i, 'y': 'a'}, ['diverged'] * 2) for i in (1, 2)],
  'all equal': [group({'x': i}, [1.0, 1.0]) for i in range(3)],
  'words and lists': [
    group({'cell': cell, 'sizes': sizes, 'tied': tied, 'file': file}, [1.0, 2])
    for cell in ('gru', '$x$', '猫\n')
    for sizes in ((64,), (64, 32), ())
    for tied in (True, False)
    for file in ('/home/me/a/long/way/book.txt', '')
  ],
  'zero and small': [group({'decay': x}, [1, 2]) for x in (0.0, 1e-6, 1e-3)],
  'negative': [group({'bias': x}, [-x, 2]) for x in (-2.0, 0.5, 3.0)],
  # An interval that reaches below 0, on a logarithmic axis.
  'decades': [group({'x': x}, [x, 2 * x]) for x in (1, 10, 1000)],
  'huge': [group({'x': 10.0**x}, [10.0**x]) for x in range(-30, 31, 5)],
  'two hundred': [
    group({'rate': 1e-4 * 1.04**i, 'size': i, 'cell': f'cell_{i % 31}'}, [x])
    for i, x in enumerate([2.0, 'diverged', 3.0, 'failed', 2.5] * 40)
  ],
}
