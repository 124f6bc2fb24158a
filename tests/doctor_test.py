"""The doctor finds a sound house sound, and an engine that is not."""

import contextlib
import functools
import io
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest

from seqjax import cells, doctor, errors, recurrence
from seqjax.recurrence import agreement, fused

NAMES = ('lstm', 'min_gru')
slow = functools.partial(pytest.param, marks=pytest.mark.slow)


def run(*arguments):
  """Exit code, stdout and stderr of the command."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    try:
      doctor.main(arguments)
    except SystemExit as end:
      return end.code, out.getvalue(), err.getvalue()


def wrong_by(factor_of_results, factor_of_gradients=1.0):
  """The engine `fused` with its outputs or its gradients off by a factor."""

  def engine(*arguments):
    outputs, last, carries = fused.fused(*arguments)
    scaled = factor_of_gradients * outputs
    # The value of one, the gradient of the other.
    outputs = scaled + jax.lax.stop_gradient(outputs - scaled)
    return factor_of_results * outputs, last, carries

  return engine


def with_engine(name, engine):
  return mock.patch.dict(recurrence.ENGINES, {name: engine})


def rows(text):
  """name of the cell -> its line in the table."""
  lines = [line for line in text.splitlines() if line and line[0] != ' ']
  return {line.split()[0]: line for line in lines}


@pytest.mark.parametrize(
  'factors, words',
  [
    ((1.0, 1 + 1e-3), 'gradients differ by'),
    slow((1 + 1e-4, 1.0), 'results differ by 1e-4'),
    slow((np.nan, 1.0), 'results differ by inf'),
  ],
)
def test_a_wrong_engine_is_found(factors, words):
  with with_engine('fused', wrong_by(*factors)):
    code, out, _ = run('--cells=gru')
  assert code == 70
  assert '!' in rows(out)['gru']
  assert f'fused: {words}' in out
  assert 'entries are wrong' in out


@pytest.mark.parametrize(
  'name, error, code, words',
  [
    ('fused', ValueError('oh'), 70, 'fused: ValueError: oh'),
    slow('fused', RuntimeError('no such device'), 70, 'no such device'),
    slow('associative', RuntimeError('no loops'), 0, 'not here: assoc'),
    slow('associative', ValueError('oh'), 70, 'associative: ValueError: oh'),
  ],
)
def test_an_engine_that_fails_is_told_in_words(name, error, code, words):
  """What the machine lacks counts where `auto` would have taken it."""
  cell = 'lru' if name == 'associative' else 'elman'
  with with_engine(name, mock.Mock(side_effect=error)):
    got, out, err = run(f'--cells={cell}')
  assert got == code, out
  assert words in out
  assert 'Traceback' not in out + err


class DoctorTest(absltest.TestCase):
  def test_a_healthy_machine(self):
    code, out, err = run(f'--cells={",".join(NAMES)}')
    self.assertEqual((code, err), (0, ''), out)
    self.assertIn(f'jax {jax.__version__}', out)
    self.assertIn(f'{len(NAMES)} cells in', out)
    self.assertIn('all is well', out)
    self.assertLessEqual(max(map(len, out.splitlines())), 79)
    for name in NAMES:
      columns = rows(out)[name]
      # The mark stands in the column of the engine that auto takes.
      engine = recurrence.engine_for(cells.CELLS[name]())
      at = 18 + 12 * list(doctor.TOLERANCES).index(engine)
      self.assertRegex(columns[at : at + 12], r'\d \*')
      self.assertEqual(columns.count('*'), 1)
    self.assertEqual(out.count('not here: '), 1)
    self.assertRegex(' '.join(out.split()), 'cudnn for lstm. .* NVIDIA GPU')

  @pytest.mark.slow
  def test_bfloat16_gone_wrong_is_found(self):
    def engine(cell, params, *rest):
      if params.w_h.dtype == jnp.bfloat16:
        return wrong_by(1.0, 1.2)(cell, params, *rest)
      return fused.fused(cell, params, *rest)

    with with_engine('fused', engine):
      code, out, _ = run('--cells=gru')
    self.assertEqual(code, 70)
    self.assertIn('bfloat16: gradients differ', out)
    self.assertNotIn('fused: ', out)

  def test_one_relu_over_its_edge_is_no_fault_in_bfloat16_alone(self):
    exact = {'h': np.arange(1.0, 9.0)}
    ours = {'h': exact['h'] + np.eye(8)[2]}
    self.assertEqual(agreement.error(ours, exact), (0.125, "['h']"))
    self.assertEqual(agreement.error(ours, exact, np.median), (0.0, ''))

  @pytest.mark.slow
  def test_a_wrong_reference_is_found(self):
    def engine(cell, params, us, *rest):
      if params.b.dtype == jnp.float32:
        us = us + jnp.asarray(1e-3, us.dtype)
      return scan(cell, params, us, *rest)

    scan = recurrence.ENGINES['scan']
    with with_engine('scan', engine):
      code, out, _ = run('--cells=gru_reset_before')
    self.assertEqual(code, 70)
    self.assertIn('scan: results differ', out)

  def test_mistakes_are_sentences(self):
    for argument, words in (
      ('--cells=ltsm', "Did you mean 'lstm'"),
      ('--cell=lstm', 'unrecognized arguments: --cell=lstm. See --help'),
    ):
      code, out, err = run(argument)
      self.assertEqual((code, out), (1, ''))
      self.assertIn(words, err)
      self.assertNotIn('Traceback', err)

  def test_help_says_what_the_numbers_are(self):
    code, out, _ = run('--help')
    self.assertEqual(code, 0)
    for words in ('--cells', 'relative to the largest entry', 'Exit codes'):
      self.assertIn(words, out)

  def test_a_cell_is_asked_what_it_reads(self):
    """A picture here, of which the cell reads one channel's first row."""

    def init(key, x_t, hidden_size):
      if len(x_t.shape) != 3:
        raise errors.UserError('[H, W, C], please.')
      return plain.init(key, jax.ShapeDtypeStruct((5,), x_t.dtype), hidden_size)

    plain = cells.gru()
    cell = plain._replace(
      init=init, project=lambda p, x_t: plain.project(p, x_t[0, :, 0])
    )
    self.assertEqual(agreement.inputs_for(cell).xs.shape[2:], (4, 5, 3))
    with self.assertRaisesRegex(errors.UserError, 'Not so'):
      agreement.inputs_for(cell._replace(init=mock.Mock(side_effect=_NOT_SO)))


_NOT_SO = errors.UserError('Not so')

if __name__ == '__main__':
  absltest.main()
