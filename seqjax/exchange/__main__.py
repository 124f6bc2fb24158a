"""Weights from one framework to another, or between a run and a file.

  ./launch.sh exchange --from=torch weights.safetensors --to=runs/mine
  ./launch.sh exchange --from=runs/mine --to=torch weights.safetensors
  ./launch.sh exchange --from=torch a.safetensors --to=keras b.npz

What stands behind --from and --to is the directory of a run, or a framework
whose file is named next, --from's first. Files are safetensors or .npz, and
ONNX has its own. The directory that weights go to is a new one, or that of a
run without an update: a training there begins with them.

A table says what went where. What cannot be exact is refused with the reason.
Exit codes are those of the experiments: 0 done; 1 your command or file, in one
sentence; 70 a bug.
"""

import json
import os
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from seqjax import array_files, data, errors
from seqjax.exchange import checks, convert, layouts, leaves, moves
from seqjax.exchange.network import Network
from seqjax.experiment import cell_options, ending, run_directory
from seqjax.training import checkpoints, initial, restoring


class End(NamedTuple):
  """Where weights come from or go to: a framework's file, or a run."""

  system: str | None
  path: pathlib.Path


def main(argv: Sequence[str] | None = None) -> NoReturn:
  """Moves the weights that the command line names, and ends the process.

  Args:
    argv: the arguments, by default those of the process.
  """
  ending.end(lambda: _exchange(_parse(argv)))


def _parse(argv):
  parser = ending.Parser('./launch.sh exchange', __doc__)
  known = ', '.join(layouts.SYSTEMS)
  parser.add_argument(
    '--from', dest='origin', required=True, help=f'a run, or one of: {known}'
  )
  parser.add_argument('--to', dest='goal', required=True, help='the same')
  parser.add_argument('files', nargs='*', metavar='FILE', help='of frameworks')
  parser.add_argument(
    '--cell', help='where weights do not say it: elman, elman_relu, ...'
  )
  parser.add_argument(
    '--bidirectional',
    action='store_true',
    default=None,
    help='layers take turns, forward and backward, and their names are silent',
  )
  parser.add_argument(
    '--double_bias',
    action='store_true',
    help='keep the two biases of torch apart, to train on as it does there',
  )
  parser.add_argument(
    '--missing_bias',
    default='refuse',
    help='zero: a bias that is not there begins at 0',
  )
  parser.add_argument(
    '--embedding',
    metavar='NAME',
    help='which layer it is, where shapes do not tell it from a dense one',
  )
  parser.add_argument(
    '--dense', metavar='NAME', help='which layer stands behind, likewise'
  )
  parser.add_argument(
    '--module', help='which layer of theirs, as LSTMCell of nnx'
  )
  return parser.parse_intermixed_args(argv)


def _exchange(options) -> None:
  origin, goal = _ends(options)
  read, written, symbols = [], [], None
  if origin.system is None:
    network, symbols = _of_run(origin.path)
  else:
    network, read = _of_file(origin, options)
  if goal.system is None:
    _to_run(goal.path, network, symbols)
    place = goal.path / initial.NAME
  else:
    written, place = _to_file(goal, network, options), goal.path
  for rows, end in ((read, origin), (written, goal)):
    if rows:
      print(moves.table(rows, end.system, 'seqjax') + '\n')
  print(f'Written to {place}.')
  if goal.system is None:
    _say_how_to_go_on(goal.path, network)


def _ends(options) -> list[End]:
  """What --from and --to mean, and whose each file is."""
  names = [options.origin, options.goal]
  for name in names:
    # A word alone is a framework, unless there is such a directory.
    if name not in layouts.SYSTEMS and not pathlib.Path(name).exists():
      if re.fullmatch(r'\w+', name):
        raise errors.UserError(
          f'{errors.unknown("framework", name, layouts.SYSTEMS)} A new '
          f'directory is written ./{name}.'
        )
  wanted = sum(name in layouts.SYSTEMS for name in names)
  if len(options.files) != wanted:
    raise errors.UserError(
      f'--from={names[0]} --to={names[1]} needs {wanted} '
      f'file{"s" * (wanted != 1)}, got {len(options.files)}'
      f'{": " + " ".join(options.files) if options.files else ""}.'
    )
  files = iter(options.files)
  ends = [
    End(name, _path(next(files)))
    if name in layouts.SYSTEMS
    else End(None, _path(name))
    for name in names
  ]
  origin, goal = ends
  if os.path.realpath(origin.path) == os.path.realpath(goal.path):
    raise errors.UserError(
      f'{origin.path} would be written over itself: name another place.'
    )
  if goal.path.name == initial.NAME:
    raise errors.UserError(
      f'{goal.path} is what a run begins with; --to={goal.path.parent} writes '
      'it.'
    )
  of_files = [
    f'--{name}'
    for name in ('cell', 'bidirectional', 'embedding', 'dense', 'double_bias')
    if getattr(options, name)
  ] + ['--missing_bias'] * (options.missing_bias != 'refuse')
  if origin.system is None and of_files:
    raise errors.UserError(f'{of_files[0]} is for a file, and a run says it.')
  if goal.system is None and options.module:
    raise errors.UserError('--module is for a framework, and --to is a run.')
  return ends


def _path(text) -> pathlib.Path:
  return pathlib.Path(os.path.expanduser(text))


def _of_file(origin: End, options) -> tuple[Network, list[moves.Move]]:
  cell, bidirectional = options.cell, options.bidirectional
  if origin.system == 'onnx':
    from seqjax.exchange import onnx_file

    if bidirectional:
      raise errors.UserError('--bidirectional: an ONNX file says it itself.')
    arrays, said, bidirectional, left_out = onnx_file.read(origin.path)
    if left_out:
      print(f'Left out, behind the network: {", ".join(left_out)}.')
    if cell not in (None, said) and (cell, said) != ('irnn', 'elman_relu'):
      raise errors.UserError(
        f'{origin.path} computes {said}, and --cell says {cell}: leave it out.'
      )
    cell = cell or said
  else:
    arrays, _ = array_files.read(origin.path)
  return convert.loaded(
    origin.system,
    arrays,
    cell=cell,
    bidirectional=bidirectional,
    double_bias=options.double_bias,
    missing_bias=options.missing_bias,
    embedding=options.embedding,
    dense=options.dense,
  )


def _to_file(goal: End, network, options) -> list[moves.Move]:
  arrays, rows = convert.dumped(goal.system, network, module=options.module)
  checks.arrays(arrays)
  if goal.system == 'onnx':
    from seqjax.exchange import onnx_file

    onnx_file.write(goal.path, network)
  else:
    array_files.write(goal.path, arrays)
  return rows


def _of_run(path) -> tuple[Network, list[str] | None]:
  """The network of a run, and the symbols of its vocabulary."""
  run = run_directory.RunDirectory(path)
  record = run.read()
  if record is None or not run.begun():
    what = ' yet, but weights to begin with' * (path / initial.NAME).exists()
    raise errors.UserError(
      f'{path} holds no run{what}. Train it first, or ask for --steps=0.'
    )
  config = record['config']
  for name in ('residual', 'zoneout_h_rate', 'zoneout_c_rate'):
    # They have no parameters, and take part in what is computed.
    if config.get(name):
      raise errors.UserError(
        f'{path} was trained with --{name}, which has no counterpart in '
        'another framework.'
      )
  step, params = restoring.newest_params(path)
  print(f'{path} at step {step:,}\n')
  options = cell_options.builder_options(
    config['cell'], config.get('cell_options', '')
  )
  symbols = None
  if (path / 'vocabulary.json').exists():
    symbols = data.Vocabulary.load(path / 'vocabulary.json').symbols
  return leaves.to_network(params, config['cell'], options), symbols


def _to_run(path, network: Network, symbols) -> None:
  run = run_directory.RunDirectory(path)
  run.check_directory()
  saved = checkpoints.Checkpoints(
    path / 'checkpoints', fingerprint=None, read_only=True
  ).latest_step()
  if made := max(run.steps_made(), saved or 0):
    raise errors.UserError(
      f'{path} has made {made:,} updates, which other weights would replace. '
      'Name a new directory.'
    )
  arrays = leaves.of_network(network)
  checks.arrays(arrays)
  with run.lock():
    initial.write(path, arrays, network.cell, network.options, symbols)


def _say_how_to_go_on(path, network: Network) -> None:
  print('A training in that directory begins with it.')
  is_whole = network.embedding is not None and network.dense is not None
  if network.directions == 2 or not is_whole:
    print(
      'No flags describe this network yet: a run has an embedding, layers that '
      'read forward, and a dense layer. In Python, exchange.load takes it.'
    )
    return
  print('For EXPERIMENT put the name of one, and add the data to read:')
  print(f'  ./launch.sh EXPERIMENT --workdir={path} {_flags(network)}')
  print(
    f'Row i of the embedding is symbol i of {len(network.embedding)}; '
    'vocabulary.json of a run lists its symbols in order.'
  )


def _flags(network: Network) -> str:
  """What describes the network to an experiment."""
  sizes = map(str, network.hidden_sizes)
  flags = [f'--cell={network.cell}', f'--hidden_sizes={",".join(sizes)}']
  if network.options:
    options = ','.join(
      f'{name}={json.dumps(value)}' for name, value in network.options.items()
    )
    flags.insert(1, f'--cell_options={options}')
  if network.embedding is not None:
    flags.append(f'--embedding_size={network.input_size}')
  return ' '.join(flags)


if __name__ == '__main__':
  main()
