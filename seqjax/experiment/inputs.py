"""What a command gives to read: files, columns, texts to answer for."""

import sys
from collections.abc import Iterator
from typing import TextIO

from seqjax import data, errors
from seqjax.data import reading
from seqjax.experiment import config as configs
from seqjax.experiment import fields


def files(config: configs.Config) -> dict[str, str]:
  """part -> path, of --train_file, --valid_file and --test_file as given.

  Raises:
    UserError: there is nothing to learn from, but something to measure on.
  """
  paths = {
    part: getattr(config, f'{part}_file') for part in ('train', 'valid', 'test')
  }
  found = {part: path for part, path in paths.items() if path}
  if found and 'train' not in found:
    raise errors.UserError(
      '--valid_file and --test_file go with --train_file: name that too.'
    )
  return found


def names(columns: str) -> tuple[str, ...]:
  """The names in a flag's text.

  >>> names('temp, rain,'), names('')
  (('temp', 'rain'), ())
  """
  return tuple(x.strip() for x in columns.split(',') if x.strip())


def check_columns(config: configs.Config, *flags: str) -> None:
  """Refuses what is said of columns where no --train_file has them."""
  for flag in flags:
    if (said := getattr(config, flag)) and not config.train_file:
      raise errors.UserError(
        f'--{flag}={fields.shown(said)} goes with --train_file: name that too.'
      )


def with_valid(parts, rest, valid):
  """The parts in their order, the training part divided in two."""
  others = {part: x for part, x in parts.items() if part != 'train'}
  return {'train': rest, 'valid': valid} | others


def check_prediction(text: str, text_file: str, example: str) -> None:
  """Refuses a prediction without anything to answer for, or with two things."""
  if bool(text) == bool(text_file):
    raise errors.UserError(
      f'--mode=predict needs --text={example} or --text_file=FILE, and not '
      'both.'
    )


def typed_lines() -> Iterator[str]:
  """The lines of standard input as they come, without their ends.

  Raises:
    UserError: they are not UTF-8.
  """
  for line in getattr(sys.stdin, 'buffer', sys.stdin):
    if isinstance(line, bytes):
      line = reading.decode(line, 'a line of standard input')
    yield line.removesuffix('\n')


def standard_input() -> str:
  """All that is piped in; UserError where it is not UTF-8."""
  # Text that stands in for it, as in a test, has no bytes beneath.
  if buffer := getattr(sys.stdin, 'buffer', None):
    return reading.decode(buffer.read(), 'standard input')
  return sys.stdin.read()


def cut(
  sequences, max_length: int, keep: str = 'start', said_to: TextIO | None = None
) -> list:
  """As `data.cut`, and prints how many sequences lost what."""
  shorter, num_cut = data.cut(sequences, max_length, keep)
  if num_cut:
    report = data.cut_report(num_cut, len(shorter), max_length, keep)
    print(report, file=said_to)
  return shorter
