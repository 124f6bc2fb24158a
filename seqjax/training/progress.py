"""What a person sees of a run: a bar on a terminal, plain lines elsewhere."""

import sys
import textwrap
import time

# Without a terminal: seconds between two lines.
_LINE_EVERY = 5.0


class Progress:
  """Shows steps, losses, rate and time left; a context manager.

  Args:
    steps: how many there are.
    done: how many are done already.
    unit: what a batch's weight counts, for the rate: 'chars'.
  """

  def __init__(self, steps: int, done: int, unit: str):
    self._steps = steps
    self._done = done
    self._unit = unit
    self._bar = None
    self._task = None
    self._next_line = 0.0

  def __enter__(self):
    if sys.stdout.isatty():
      from rich import progress

      self._bar = progress.Progress(
        progress.BarColumn(bar_width=10),
        progress.TextColumn('{task.description}'),
        progress.TextColumn('left'),
        progress.TimeRemainingColumn(),
      )
      self._bar.start()
      self._task = self._bar.add_task(
        f'{self._done:,}/{self._steps:,}  compiling',
        total=self._steps,
        completed=self._done,
      )
    return self

  def __exit__(self, *error):
    if self._bar is not None:
      self._bar.stop()

  def step(self, step: int, metrics: dict[str, float], rate: float) -> None:
    """Tells of a step; `rate` is in units per second, 0 while unknown."""
    shown = [describe(name, x) for name, x in metrics.items()]
    if rate:
      shown.append(f'{rate:,.0f} {self._unit}/s')
    if self._bar is not None:
      # What has no unit is left to metrics.jsonl: 80 columns are few.
      shown = [text for text in shown if '/' in text]
      text = f'{step:,}/{self._steps:,}  {"  ".join(shown)}'
      self._bar.update(self._task, completed=step, description=text)
    elif time.monotonic() >= self._next_line or step == self._steps:
      self._next_line = time.monotonic() + _LINE_EVERY
      print(f'step {step:>6,}/{self._steps:,}  {"  ".join(shown)}', flush=True)

  def say(self, text: str) -> None:
    """Prints a line that stays, above the bar where there is one."""
    if self._bar is not None:
      self._bar.console.print(
        text, markup=False, highlight=False, soft_wrap=True
      )
    else:
      print(text, flush=True)


class Rate:
  """Units per second of training, without compilation and evaluation."""

  def __init__(self):
    self.value = 0.0
    self._since = None

  def pause(self):
    """The time up to the next count is not training."""
    self._since = None

  def count(self, units: float):
    now = time.monotonic()
    if self._since is not None:
      rate = units / max(now - self._since, 1e-9)
      # A moving average over some twenty steps.
      self.value += (rate - self.value) / 20 if self.value else rate
    self._since = now


def describe(name: str, value: float) -> str:
  """A metric as a person reads it.

  >>> describe('nats_per_char', 1.23456), describe('valid/accuracy', 2e11)
  ('nats/char 1.235', 'valid/accuracy 2e+11')
  """
  number = f'{value:.3f}' if abs(value) < 1e4 else f'{value:.3g}'
  return f'{name.replace("_per_", "/")} {number}'


def quote(text: str) -> str:
  """The text with a bar on its left, within 80 columns.

  >>> print(quote('to be\\nor not'))
      | to be
      | or not
  """
  lines = [textwrap.wrap(line, 70) or [''] for line in text.splitlines()]
  return '\n'.join(f'    | {line}' for wrapped in lines for line in wrapped)
