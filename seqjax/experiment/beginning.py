"""What a run begins with: parameters that were given, or another run's."""

import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from seqjax import data, errors, models
from seqjax.experiment import cell_options, run_directory
from seqjax.experiment import config as configs
from seqjax.training import checkpoint_format, initial, restoring

# The parameters that have a row for each symbol of the vocabulary, and the axis
# of these rows. `scores` are of symbols only where there are as many.
_ROWS = {
  'params/embedding/embedding': 0,
  'params/scores/kernel': 1,
  'params/scores/bias': 0,
}
# All that are of symbols, labels or tags of whatever kind.
_TABLES = re.compile(r'embedding/embedding$|\bscores/|\btransitions/')
# Those of a recurrent layer, which mean nothing to another cell.
_LAYERS = re.compile(r'/layer_\d+(_forward|_backward)?/')
# Where a run keeps the symbols that it reads.
_VOCABULARIES = 'vocabulary.json', 'source/vocabulary.json', 'letters.json'


class Fit(NamedTuple):
  """A parameter of a new run, and what became of it.

  Attributes:
    array: as the new run begins with it; None where it has no such parameter.
    fate: 'taken' or 'drawn', of the new run; 'left', of the other.
    why: in words; '' where it was taken whole.
  """

  array: np.ndarray | None
  fate: str
  why: str = ''


def check(config: configs.Config, run: run_directory.RunDirectory) -> None:
  """Refuses what a run cannot begin with, before any data are read.

  What a command left that was killed before the run had begun is removed.

  Raises:
    UserError: the run began with another `initial.safetensors` or none; or that
      file is of another cell; or --init_from names no other run.
  """
  if run.begun():
    given, noted = initial.sha256(run.path), run.read()['initial_sha256']
    if given != noted:
      raise errors.UserError(
        f'{run.path} began with {initial.describe(noted)}, and holds '
        f'{initial.describe(given)} now. Put back what it began with, or '
        'choose another --workdir.'
      )
    return
  run.remove_taken_over()
  given = initial.read(run.path)
  if given and config.init_from:
    raise errors.UserError(
      f'{given.path} is what this run would begin with. Remove it, or leave '
      'out --init_from.'
    )
  if given:
    cell_options.check_same(given, config.cell, config.cell_options)
    if config.residual:
      raise errors.UserError(f'{given.path} is of layers without --residual.')
  if config.init_from:
    _record(config, run)


def take_over(
  config: configs.Config,
  run: run_directory.RunDirectory,
  task: models.Task,
  batches,
  symbols: Sequence[str] | None = None,
) -> None:
  """Prepares what `--init_from` says, and prints what came from where.

  Args:
    config: of the new run.
    run: its directory, which `run.begin` writes it to.
    task: what is trained.
    batches: index -> Batch.
    symbols: of the vocabulary, where inputs are symbols.

  Raises:
    UserError: the other run has no checkpoint, or one with numbers that are
      not finite, or nothing that fits.
  """
  flag = f'--init_from={config.init_from}'
  record = _record(config, run)
  step, theirs = restoring.newest_params(config.init_from)
  for name, array in theirs.items():
    if not np.isfinite(array).all():
      raise errors.UserError(
        f'{flag}: at step {step:,}, {name} holds numbers that are not finite, '
        'and no training would mend them. Begin from another run.'
      )
  drawn = jax.jit(lambda: task.init(jax.random.key(config.seed), batches(0)))()
  before = record['config']['cell'], record['config'].get('cell_options', '')
  now = config.cell, config.cell_options
  found = merge(
    theirs,
    jax.device_get(checkpoint_format.named_leaves(drawn)),
    same_cell=cell_options.are_same(*before, *now),
    symbols=(_symbols(config.init_from), symbols),
  )
  fates = [fit.fate for fit in found.values()]
  if 'taken' not in fates:
    raise errors.UserError(
      f'{flag}: of its parameters at step {step:,} none fits this network: '
      + '; '.join(f'{name}, {fit.why}' for name, fit in found.items())
      + '. Leave the flag out, or use the flags of that run.'
    )
  counts = ', '.join(
    f'{fates.count(fate)} {words}'
    for fate, words in {
      'taken': 'parameters taken over',
      'drawn': 'drawn by the seed',
      'left': 'of that run left out',
    }.items()
  )
  print(f'{flag} at step {step:,}: {counts}.')
  for name, fit in found.items():
    print(f'  {fit.fate}  {name}' + (f': {fit.why}' if fit.why else ''))
  layers = {fit.fate for name, fit in found.items() if _LAYERS.search(name)}
  if layers and 'taken' not in layers:
    print(
      'No recurrent layer is taken over: that asks for the cell and the sizes '
      f'of {config.init_from}.'
    )
  run.prepare_initial(
    {name: x.array for name, x in found.items() if x.array is not None},
    config.cell,
    cell_options.typed_options(*now),
    symbols,
  )


def merge(
  theirs: Mapping[str, np.ndarray],
  drawn: Mapping[str, np.ndarray],
  *,
  same_cell: bool = True,
  symbols: tuple[Sequence[str] | None, Sequence[str] | None] = (None, None),
) -> dict[str, Fit]:
  """What a network begins with that takes over what fits of another.

  A parameter is taken whose name, shape and dtype are the same. Where the
  vocabularies differ, the rows of the symbols that both have are taken.

  Args:
    theirs: the other network's parameters by name.
    drawn: this one's, as the seed gives them.
    same_cell: whether the recurrent layers compute the same.
    symbols: of the other vocabulary and of this one, where there are any.

  Example:
    >>> theirs = {'w': np.ones(2), 'b': np.ones(3)}
    >>> for fit in merge(theirs, {'w': np.zeros(2), 'c': np.ones(1)}).items():
    ...   print(*fit)
    w Fit(array=array([1., 1.]), fate='taken', why='')
    c Fit(array=array([1.]), fate='drawn', why='missing there')
    b Fit(array=None, fate='left', why='missing here')
  """
  others = None not in symbols and tuple(symbols[0]) != tuple(symbols[1])
  found = {}
  for name, here in drawn.items():
    there = theirs.get(name)
    if there is None:
      found[name] = Fit(here, 'drawn', 'missing there')
    elif _LAYERS.search(name) and not same_cell:
      found[name] = Fit(here, 'drawn', 'of another cell there')
    elif others and _are_rows(name, there, here, symbols):
      found[name] = _take_rows(there, here, _ROWS[name], *symbols)
    elif there.shape != here.shape or there.dtype != here.dtype:
      specs = checkpoint_format.specs({'here': here, 'there': there})
      why = f'{specs["here"]} here, {specs["there"]} there'
      found[name] = Fit(here, 'drawn', why)
    elif others and _TABLES.search(name):
      found[name] = Fit(here, 'drawn', 'the data there have other symbols')
    else:
      found[name] = Fit(there, 'taken')
  left = [name for name in theirs if name not in drawn]
  return found | dict.fromkeys(left, Fit(None, 'left', 'missing here'))


def _are_rows(name, there, here, symbols) -> bool:
  """Whether both have a row for each symbol, and rows of the same kind."""
  if name not in _ROWS or there.dtype != here.dtype:
    return False
  shapes = [list(x.shape) for x in (there, here)]
  sizes = [shape.pop(_ROWS[name]) for shape in shapes]
  return shapes[0] == shapes[1] and sizes == list(map(len, symbols))


def _take_rows(there, here, axis, before, now) -> Fit:
  places = {symbol: i for i, symbol in enumerate(before)}
  rows = [(i, places[s]) for i, s in enumerate(now) if s in places]
  if not rows:
    return Fit(here, 'drawn', 'no symbol is known to both')
  array = np.moveaxis(here.copy(), axis, 0)
  to, of = map(list, zip(*rows, strict=True))
  array[to] = np.moveaxis(there, axis, 0)[of]
  why = f'{len(rows):,} of {len(now):,} symbols here, known there too'
  return Fit(np.moveaxis(array, 0, axis), 'taken', why)


def _record(config, run) -> dict[str, Any]:
  """config.json of the run that is begun from."""
  flag = f'--init_from={config.init_from}'
  other = run_directory.RunDirectory(config.init_from)
  if other.path.resolve() == run.path.resolve():
    raise errors.UserError(f'{flag} is this run itself. Name another one.')
  record = other.read() if other.path.is_dir() else None
  if record is None:
    raise errors.UserError(
      f'{flag}: there is no run. Name the directory of one, which holds '
      'config.json.'
    )
  return record


def _symbols(path) -> tuple[str, ...] | None:
  """Those that a run reads; None where it reads none."""
  for name in _VOCABULARIES:
    if (file := pathlib.Path(path, name)).exists():
      return data.Vocabulary.load(file).symbols
  return None
