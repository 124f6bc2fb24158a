"""How a command ends: what is said of an error, and with which exit code."""

import argparse
import errno
import os
import pathlib
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from seqjax import errors
from seqjax.training import signals

_STDOUT = 1  # The file descriptor, whatever sys.stdout stands for.
# The machine says no, and the user can mend it.
_REFUSALS = {
  errno.ENOSPC: 'the disk is full. Make room and repeat the command',
  errno.EDQUOT: 'the disk quota is used up. Make room and repeat the command',
  errno.EFBIG: 'the file would be larger than this system allows',
  errno.EACCES: 'permission denied. Change that, or choose another place',
  errno.EPERM: 'not permitted. Change that, or choose another place',
  errno.EROFS: 'the file system is read-only. Choose another place',
  errno.ENAMETOOLONG: 'the name is too long',
}


class Parser(argparse.ArgumentParser):
  """Of a command's flags; says no as a UserError.

  Args:
    prog: how the command is typed.
    doc: what `--help` begins with, line by line as it stands.
  """

  def __init__(self, prog: str, doc: str):
    super().__init__(
      prog,
      description=doc,
      formatter_class=argparse.RawDescriptionHelpFormatter,
      allow_abbrev=False,
    )

  def error(self, message):
    raise errors.UserError(f'{message}. See --help.')


def end(
  act: Callable[[], None],
  directory: Callable[[], pathlib.Path | None] = lambda: None,
) -> NoReturn:
  """Runs a command and ends the process; `experiment.main` has the exit codes.

  Args:
    act: the command.
    directory: where the traceback of a bug is kept, asked after the fact.
  """
  try:
    try:
      _mend_streams()
      act()
    finally:
      _hand_back_signals()
    sys.stdout.flush()
    code = 0
  except KeyboardInterrupt:
    code = 128 + signal.SIGINT
  except errors.Stopped as stop:
    code = 128 + stop.signum
    print(stop.sentence(), file=sys.stderr)
    _let_go_of_stdout()
    leave_at_once(code)
  except Exception as error:
    code, words = explain(error, directory())
    if words:
      print(words, file=sys.stderr)
  _let_go_of_stdout()
  sys.exit(code)


# Python's own end may take seconds while a thread imports, or crash while XLA
# compiles. Tests have it end as usual.
leave_at_once = os._exit


def _hand_back_signals() -> None:
  """From here on a signal ends the process, and raises nothing.

  It is not ignored, because what is left may still take long: a reader that
  pauses, or other processes of the run that do not come to part.
  """
  for signum in signals.SIGNALS:
    signal.signal(signum, signal.SIG_DFL)


def explain(
  error: Exception, directory: pathlib.Path | None
) -> tuple[int, str]:
  """What ended a run: the exit code, and the words for it, which may be ''.

  The traceback of a bug is kept in the directory.
  """
  match error:
    case errors.UserError():
      return 1, f'error: {error}'
    case errors.GaveUp():
      return 3, f'gave up: {error}'
    case errors.TryAgain():
      return 75, f'try again: {error}'
    case FloatingPointError():  # What --jax_debug_nans was asked for.
      text = ''.join(traceback.format_exception(error))
      return 3, f'{text}gave up: the traceback ends where it came from.'
    case BrokenPipeError() if _nobody_reads_stdout():
      return 128 + signal.SIGPIPE, ''
    case OSError(errno=number) if number in _REFUSALS:
      place = f'{error.filename}: ' if error.filename else ''
      return 1, f'error: {place}{_REFUSALS[number]}.'
    case _:
      return 70, _keep_traceback(error, directory)


def _keep_traceback(error: Exception, directory) -> str:
  text = ''.join(traceback.format_exception(error))
  words = f'{text}This is a bug in the program, not in your command.'
  if directory is None:
    return words
  path = directory / 'crash.txt'
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
  except OSError as second:
    return f'{words} (The traceback could not be kept: {second}.)'
  return f'{words} The traceback is kept in {path}: please report it.'


def _mend_streams() -> None:
  """Lets the program print any text, wherever its output goes."""
  for name in ('stdout', 'stderr'):
    if getattr(sys, name) is None:  # Closed by the caller, as by `>&-`.
      setattr(sys, name, open(os.devnull, 'w'))
    elif hasattr(getattr(sys, name), 'reconfigure'):
      # A terminal that knows ASCII alone shows escapes, and the run goes on. A
      # line is there for `tail -f`, and after a kill, as soon as it is said.
      getattr(sys, name).reconfigure(
        errors='backslashreplace', line_buffering=True
      )


def _nobody_reads_stdout() -> bool:
  """Whether stdout is what broke: a socket raises BrokenPipeError too."""
  poll = select.poll()
  poll.register(_STDOUT, 0)
  return bool(poll.poll(0))


def _let_go_of_stdout() -> None:
  # What cannot be written is tried again when Python ends, and would turn the
  # exit code into 120.
  try:
    sys.stdout.flush()
  except OSError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
