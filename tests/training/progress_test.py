"""What a person sees: lines in a file, a bar on a terminal."""

import contextlib
import io
import re
from unittest import mock

from absl.testing import absltest, parameterized

from seqjax.training import progress as progress_lib


class Terminal(io.StringIO):
  def isatty(self):
    return True


class Clock:
  """Time that passes when told to."""

  now = 100.0

  def monotonic(self):
    return self.now


class ProgressTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.clock = Clock()
    self.enterContext(mock.patch.object(progress_lib, 'time', self.clock))

  def show(self, out, steps, done=0, said=(), seconds_per_step=1.0):
    with contextlib.redirect_stdout(out):
      with progress_lib.Progress(1200, done, 'chars') as progress:
        for step in steps:
          progress.step(step, {'nats_per_char': 1.23456, 'x': 2.0}, 54321.6)
          self.clock.now += seconds_per_step
        for text in said:
          progress.say(text)
    return out.getvalue()

  def test_a_line_tells_step_metrics_and_rate(self):
    self.assertEqual(
      self.show(io.StringIO(), [1100]),
      'step  1,100/1,200  nats/char 1.235  x 2.000  54,322 chars/s\n',
    )

  def test_an_unknown_rate_is_not_shown(self):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
      with progress_lib.Progress(9, 0, 'chars') as progress:
        progress.step(1, {'x': 2.0}, 0.0)
    self.assertEqual(out.getvalue(), 'step      1/9  x 2.000\n')

  def test_without_a_terminal_lines_are_seconds_apart_and_the_last_is_shown(
    self,
  ):
    out = self.show(io.StringIO(), [*range(1, 9), 1199, 1200])
    shown = re.findall(r'step +([\d,]+)/', out)
    self.assertEqual(shown, ['1', '6', '1,200'])

  def test_a_terminal_gets_a_bar_with_steps_loss_rate_and_time_left(self):
    out = self.show(Terminal(), [1101, 1102], done=1100)
    for part in ('1,102/1,200', 'nats/char 1.235', '54,322 chars/s', 'left'):
      self.assertIn(part, out)
    self.assertNotIn('step ', out)
    self.assertNotIn('x 2.000', out)  # 80 columns are few.

  def test_the_bar_of_a_run_that_goes_on_does_not_begin_at_0(self):
    self.assertIn(
      '1,100/1,200  compiling', self.show(Terminal(), [], done=1100)
    )

  @parameterized.parameters(io.StringIO, Terminal)
  def test_what_is_said_stays_as_it_is(self, stream):
    # Brackets are markup to rich; here they are text.
    text = 'step 7  [bold]valid[/bold] 1.5'
    out = self.show(stream(), [], said=[text])
    self.assertIn(f'{text}\n', out)

  def test_the_bar_ends_with_an_error(self):
    with contextlib.redirect_stdout(Terminal()):
      with self.assertRaises(KeyboardInterrupt):
        with progress_lib.Progress(9, 0, 'chars') as progress:
          bar = progress._bar
          raise KeyboardInterrupt
    self.assertFalse(bar.live.is_started)

  @parameterized.parameters(
    (1.23456, '1.235'), (float('nan'), 'nan'), (float('inf'), 'inf')
  )
  def test_values_have_three_digits(self, value, shown):
    self.assertEqual(progress_lib.describe('x', value), f'x {shown}')


if __name__ == '__main__':
  absltest.main()
