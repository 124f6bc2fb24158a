"""The table of `bench parity`, row by row."""

import contextlib
import io
import math
import sys
from itertools import filterfalse
from unittest import mock

import numpy as np
import pytest
from absl.testing import absltest, parameterized

from benchmarks import _peers, parity
from seqjax import exchange

# What shows a mistake in a layout within seconds.
QUICK = {
  ('torch', 'elman', 'one layer'),
  ('torch', 'elman_relu', 'one layer'),
  ('torch', 'lstm', 'bidirectional'),
  ('torch', 'gru', 'bidirectional'),
  ('linen', 'elman', 'one layer'),
  ('linen', 'lstm', 'one layer'),
  ('linen', 'gru', 'one layer'),
  ('haiku', 'gru_reset_before', 'one layer'),
}
CASES = parity.cases(exchange.SYSTEMS, parity.CELLS, parity.LIMITS)


def is_quick(case):
  is_known = (case.system, case.cell, case.stack) in QUICK
  return is_known and case.dtype == 'float32' and not case.wanted.projection


def named(cases):
  return [
    ('_' + '_'.join(map(str, case)).replace(' ', '_'), case) for case in cases
  ]


class ParityTest(parameterized.TestCase):
  def check(self, case):
    if not _peers.is_installed(case.system):
      self.skipTest(f'{case.system} is not installed')
    row = parity.compare(case)
    for column, value in parity.numbers(row).items():
      beyond = parity.is_beyond(value, case.dtype)
      self.assertFalse(beyond, f'{case}, {column}: {value}')

  @parameterized.named_parameters(named(filter(is_quick, CASES)))
  def test_both_compute_the_same(self, case):
    self.check(case)

  @parameterized.named_parameters(named(filterfalse(is_quick, CASES)))
  @pytest.mark.slow
  def test_both_compute_the_same_everywhere(self, case):
    self.check(case)


class TableTest(parameterized.TestCase):
  def run_table(self, *flags, value=1e-7):
    """What is printed, and the exit code, where every error is `value`."""
    errors = {'outputs': value, 'gradients': value}

    def compare(case):
      measured = {'in': errors, 'out': errors, 'round': 0.0}
      return {**case._asdict(), 'layer': case.module.name, **measured}

    text = io.StringIO()
    with (
      mock.patch.object(sys, 'argv', ['parity', *flags]),
      mock.patch.object(parity, 'compare', compare),
      contextlib.redirect_stdout(text),
    ):
      try:
        parity.main()
      except SystemExit as end:
        return text.getvalue(), end.code
    return text.getvalue(), 0

  @parameterized.parameters(
    (1e-6, 'float32', False),
    (1.1e-5, 'float32', True),
    (1e-12, 'float64', False),
    (1e-10, 'float64', True),
    (math.nan, 'float32', True),
    (None, 'float32', False),
  )
  def test_what_is_beyond_a_limit_is_marked_and_ends_it_with_70(
    self, value, dtype, is_beyond
  ):
    flags = '--systems=linen', '--cells=gru', f'--dtype={dtype}'
    text, code = self.run_table(*flags, value=value)
    self.assertEqual(code, 70 if is_beyond else 0)
    rows = [line for line in text.splitlines() if line.startswith('linen')]
    self.assertLen(rows, 3)
    for row in rows:
      self.assertEqual(row.count('!'), 4 * is_beyond)
    self.assertIn(f'3 rows, {3 * is_beyond} beyond', text)

  def test_an_error_is_that_of_the_worst_array(self):
    theirs = {'a': np.array([8.0, -4.0]), 'b': np.array([0.5])}
    ours = {'b': np.array([0.5]), 'a': np.array([8.0, -2.0])}
    self.assertEqual(parity.error(ours, theirs), 0.25)
    ours['b'] = np.array([math.nan])
    self.assertTrue(math.isnan(parity.error(ours, theirs)))
    with self.assertRaises(ValueError):
      parity.error({'a': ours['a'], 'c': ours['b']}, theirs)
    with self.assertRaises(ValueError):
      parity.error(ours | {'b': np.zeros(2)}, theirs)

  def test_what_is_not_installed_is_named_and_left_out(self):
    with mock.patch.dict(_peers.NEEDS, {'keras': ('no_such_module',)}):
      text, code = self.run_table(
        '--systems=keras,linen', '--cells=lstm', '--dtype=float32'
      )
    self.assertEqual(code, 0)
    self.assertIn('Not installed, and left out: keras.\n', text)
    self.assertNotIn('\nkeras', text)
    self.assertIn('\nlinen', text)

  def test_an_empty_table_is_refused(self):
    with contextlib.redirect_stderr(io.StringIO()) as said:
      _, code = self.run_table('--systems=nnx', '--cells=gru_reset_before')
    self.assertEqual(code, 1)
    self.assertIn('none of these frameworks has such a cell', said.getvalue())

  def test_every_cell_of_every_framework_has_its_rows(self):
    covered = {(case.system, case.module.name, case.cell) for case in CASES}
    for system, known in exchange.SYSTEMS.items():
      for module in known.modules:
        for cell in set(module.cells) & set(parity.CELLS):
          self.assertIn((system, module.name, cell), covered)
    self.assertTrue(any(case.wanted.projection for case in CASES))
    keys = {(case.system, case.cell, case.stack) for case in CASES}
    self.assertLessEqual(QUICK, keys)


if __name__ == '__main__':
  absltest.main()
