"""The command line: a Config's fields as absl flags, and the `--help` page.

absl splits the line (`--name=value`, `--name value`, `--noname`, `--flagfile`);
what the words mean is up to the fields. The flags live in a `FlagValues` of
their own: the global one holds 148 that jax and others put there.
"""

import dataclasses
import difflib
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from seqjax import errors
from seqjax.experiment import config, fields

_HELP = ('--help', '-help', '-h', '--helpfull')
_WIDTH = 80
_INDENT = 28


def parse(
  config_class: type[config.Config],
  argv: Sequence[str],
  modes: Sequence[str] = (),
) -> dict[str, Any]:
  """The values that the user typed, by name, in the order of the fields.

  Args:
    config_class: its fields are the flags.
    argv: the arguments, without the program's name.
    modes: the choices of `--mode`, where the class does not give them.

  Raises:
    UserError: an unknown flag, a flag given twice, an argument that belongs to
      no flag, or a value that its field does not take.

  Example:
    >>> parse(config.Config, ['--cell', 'gru', '--clip_norm=1'])
    {'cell': 'gru', 'clip_norm': 1.0}
  """
  declared = _declared(config_class, modes)
  values = flags.FlagValues()
  for field in declared.values():
    values[field.name] = flags.Flag(
      parser=flags.ArgumentParser(),  # Keeps the text as it is.
      serializer=None,
      name=field.name,
      default=None,
      help_string=field.help,
      boolean=field.type is bool,
      allow_overwrite=False,
    )
  try:
    _, *leftover = values(['', *argv])
  except flags.UnrecognizedFlagError as error:
    raise _unknown(error.flagname, declared) from None
  except flags.CantOpenFlagFileError as error:
    reason = str(error).removeprefix('ERROR:: Unable to open flagfile: ')
    raise errors.UserError(f'--flagfile: {reason}.') from None
  except flags.IllegalFlagValueError as error:
    # Any text is taken here, so what is wrong is a flag that comes again.
    reason = str(error).removeprefix('flag ')
    raise errors.UserError(f'{reason}. Give each flag once.') from None
  except (flags.Error, ValueError) as error:
    raise errors.UserError(f'{error}.') from None
  if leftover:
    raise errors.UserError(
      f"'{leftover[0]}' belongs to no flag. Write --flag=value, and --flag or "
      '--noflag where it is true or false.'
    )
  return {
    name: field.parse(values[name].value)
    for name, field in declared.items()
    if values[name].present
  }


def asks_for_help(argv: Sequence[str]) -> bool:
  """Whether the line wants the help page, whatever else it holds."""
  return any(argument in _HELP for argument in argv)


def help_text(
  config_class: type[config.Config],
  doc: str,
  name: str,
  modes: Sequence[str] = (),
) -> str:
  """The `--help` page: what the experiment is, how to call it, its flags.

  Args:
    config_class: its fields are the flags, in the order they are declared.
    doc: the experiment's docstring; its first two paragraphs are shown.
    name: the experiment's name.
    modes: the choices of `--mode`, where the class does not give them.
  """
  about = '\n\n'.join(inspect.cleandoc(doc).split('\n\n')[:2])
  usage = f'usage: ./launch.sh {name} [--flag=value ...]'
  declared = _declared(config_class, modes).values()
  groups = dict.fromkeys(field.group for field in declared)
  groups['machine'] = groups.pop('machine')  # Last: what is seldom asked for.
  sections = [
    '\n'.join(
      [
        f'{group}:',
        *(_entry(field) for field in declared if field.group == group),
      ]
    )
    for group in groups
  ]
  flagfile = _row('--flagfile=FILE', 'read flags from a file, one on each line')
  return '\n\n'.join([about, usage, *sections, f'also:\n{flagfile}']) + '\n'


def _declared(config_class, modes) -> dict[str, fields.Field]:
  declared = dict(fields.declared(config_class))
  if modes:
    mode = dataclasses.replace(declared['mode'], choices=tuple(modes))
    declared['mode'] = mode
  return declared


def _unknown(name: str, declared: Mapping[str, fields.Field]):
  names = [
    *declared,
    *(f'no{n}' for n, f in declared.items() if f.type is bool),
  ]
  near = difflib.get_close_matches(name.replace('-', '_'), names, n=1)
  hint = f'Did you mean --{near[0]}?' if near else 'See --help.'
  return errors.UserError(f'--{name}: unknown flag. {hint}')


def _entry(field: fields.Field) -> str:
  """One flag of the help page: its default, its meaning, its choices."""
  choices = f' ({", ".join(field.options())})' if field.options() else ''
  flag = f'--{field.name}={fields.shown(field.default)}'
  return _row(flag, field.help + choices)


def _row(flag: str, text: str) -> str:
  """The flag at the left and the text beside it, or below a flag too long."""
  margin = ' ' * _INDENT
  start = f'  {flag}'.ljust(_INDENT)
  if len(start) > _INDENT or start[-1] != ' ':
    start += f'\n{margin}'
  return start + f'\n{margin}'.join(textwrap.wrap(text, _WIDTH - _INDENT))
