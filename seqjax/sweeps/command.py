"""Which sweep a command line means."""

import argparse
import dataclasses
import difflib
import pathlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from seqjax import errors
from seqjax.experiment import ending, fields, flags, naming
from seqjax.sweeps import experiments, halving, record
from seqjax.sweeps import space as spaces

SEARCHES = 'all', 'halving', 'optuna'
ENGINES = 'local', 'ray', 'slurm'
FORMS = 'auto', 'sequential', 'vmap'
# More trials than this are asked about.
MANY = 1000
# Draws where --trials does not say how many.
_TRIALS = 16
# Flags of an experiment that its trials have no use for.
_NOT_OF_TRIALS = (
  *('mode', 'checkpoint', 'jax_debug_nans', 'coordinator'),
  *('num_processes', 'process_id'),
)


@dataclasses.dataclass(frozen=True)
class Sweep:
  """A sweep as it was typed.

  Attributes:
    experiment: the module's name.
    module: of the experiment.
    space: every trial's settings.
    options: the flags of sweeps, by name.
    description: JSON of all that decides which trials there are.
  """

  experiment: str
  module: Any
  space: spaces.Space
  options: argparse.Namespace
  description: Mapping[str, Any]

  @property
  def directory(self) -> pathlib.Path:
    """Of the sweep; that of the same command is the same."""
    name = f'sweep-{naming.digest(self.description)[:6]}'
    typed = self.options.workdir or f'runs/{self.experiment}/{name}'
    return pathlib.Path(typed).expanduser()

  @property
  def count(self) -> int:
    """How many trials there are; a model-based search draws them all."""
    if self.options.search == 'optuna':
      return self.options.trials or _TRIALS
    return len(self.space)

  @property
  def swept(self) -> list[str]:
    """The fields in which trials differ, in the order they were typed."""
    return [x.name for x in (*self.space.grids, *self.space.ranges)]


def parse(argv: Sequence[str], doc: str) -> Sweep:
  """The sweep of a command line.

  Args:
    argv: the experiment's name and the flags.
    doc: what `--help` begins with.

  Raises:
    UserError: no such experiment, flag, field or value; nothing to sweep over.
  """
  parser = _parser(doc)
  if not argv or argv[0].startswith('-'):
    if '--help' in argv or '-h' in argv:
      parser.parse_args(argv)
    raise errors.UserError(
      'expected ./launch.sh sweep EXPERIMENT --grid=..., the experiment first. '
      'There are: ' + ', '.join(experiments.names()) + '.'
    )
  experiment, *argv = argv
  options, rest = parser.parse_known_args(argv)
  module = experiments.load(experiment)
  _guess(parser, module.Config, rest)
  if not options.grid and not options.sample:
    options, rest = parser.parse_known_args(
      [*_named(module, experiment, options.sweep), *argv]
    )
  elif options.sweep:
    raise errors.UserError(
      f'--sweep={options.sweep} brings its own --grid and --sample. Leave out '
      'yours.'
    )
  fixed = flags.parse(module.Config, rest, tuple(module.MODES))
  for name in fixed:
    if name in _NOT_OF_TRIALS:
      raise errors.UserError(
        f'--{name} is not for sweeps. Give it to a run of {experiment} itself.'
      )
  grids = [spaces.parse_grid(module.Config, text) for text in options.grid]
  ranges = [spaces.parse_sample(module.Config, text) for text in options.sample]
  draws = options.trials
  if draws is None:
    draws = _TRIALS if ranges else 1
  if options.search == 'optuna' and not ranges:
    draws = 1  # It draws from the grids.
  space = spaces.Space(
    module.Config,
    fixed,
    grids,
    ranges,
    draws,
    options.sweep_seed,
    options.sampler,
  )
  described = _description(experiment, space, options)
  sweep = Sweep(experiment, module, space, options, described)
  _check(sweep, parser)
  return sweep


def _description(experiment, space, options) -> dict[str, Any]:
  described = {
    'experiment': experiment,
    'flags': record.flags(dict(sorted(space.fixed.items()))),
    'grid': {x.name: list(map(fields.shown, x.values)) for x in space.grids},
    'sample': [text.replace(' ', '') for text in options.sample],
    'search': options.search,
  }
  if space.ranges or options.search == 'optuna':
    described |= {'trials': options.trials or _TRIALS}
    described |= {'sweep_seed': space.seed, 'sampler': space.sampler}
  if options.search == 'halving':
    described |= {'eta': options.eta, 'min_steps': options.min_steps}
  return described


# Flags that say something in one case only.
_ONLY_WITH = {
  'slurm': ('engine', 'slurm'),
  'address': ('engine', 'ray'),
  'eta': ('search', 'halving'),
  'min_steps': ('search', 'halving'),
}


def _check(sweep, parser) -> None:
  options = sweep.options
  for name, (flag, value) in _ONLY_WITH.items():
    unusual = getattr(options, name) != parser.get_default(name)
    if unusual and getattr(options, flag) != value:
      raise errors.UserError(
        f'--{name} belongs to --{flag}={value}: add that, or leave it out.'
      )
  if options.higher_is_better and not options.metric:
    raise errors.UserError('--higher_is_better: of which --metric?')
  if options.search != 'all' and not options.metric:
    raise errors.UserError(
      f'--search={options.search} goes by a metric: name it, as in --metric='
      'valid/bits_per_char, with --higher_is_better where more is better. '
      'result.json of any run lists them.'
    )
  for name, least in {'workers': 0, 'sweep_seed': 0, 'min_steps': 1}.items():
    if getattr(options, name) < least:
      raise errors.UserError(
        f'--{name}={getattr(options, name)}: expected at least {least}.'
      )
  if sweep.count > MANY and not options.yes:
    raise errors.UserError(
      f'{sweep.count:,} trials. If that is what you mean, add --yes.'
    )


def _guess(parser, config_class, rest) -> None:
  """Refuses what is no flag of the experiment and almost one of sweeps."""
  own = [x.removeprefix('--') for x in parser._option_string_actions]
  declared = fields.declared(config_class)
  for argument in rest:
    name = argument.partition('=')[0].removeprefix('--')
    near = difflib.get_close_matches(name, [*own, *declared], 1)
    if argument.startswith('--') and near and near[0] in own:
      raise errors.UserError(
        f'--{name}: unknown flag. Did you mean --{near[0]}?'
      )


def _named(module, experiment, name) -> list[str]:
  """The flags of a named sweep of the experiment, by default of its first."""
  if not hasattr(module, 'sweep'):
    raise errors.UserError(
      f'{experiment} has no sweep() of its own: say what to sweep over, as in '
      "--grid=learning_rate=1e-3,3e-3 or --sample='dropout_rate=uniform(0,.5)'."
    )
  known = module.sweep()
  name = name or next(iter(known))
  if name not in known:
    raise errors.unknown('sweep', name, known)
  print(f'{experiment}.sweep()[{name!r}]: {shlex.join(known[name])}')
  return known[name]


def _parser(doc) -> argparse.ArgumentParser:
  parser = ending.Parser('./launch.sh sweep EXPERIMENT', doc)
  add = parser.add_argument
  add(
    '--grid',
    action='append',
    default=[],
    metavar='NAME=A,B,C',
    help='each of these values; several grids are multiplied',
  )
  add(
    '--sample',
    action='append',
    default=[],
    metavar='NAME=RANGE',
    help='values drawn from a range, --trials of them',
  )
  add('--trials', type=int, help='draws of the samples, 16; of optuna, in all')
  add(
    '--sampler',
    default='halton',
    choices=spaces.SAMPLERS,
    help='draws that fill the ranges evenly (halton), or independent ones',
  )
  add('--sweep_seed', type=int, default=0, help='other draws; 0')
  add('--sweep', default='', help="one of the experiment's own sweeps")
  add(
    '--search',
    default='all',
    choices=SEARCHES,
    help='all trials to the end; the best of each rung further; or chosen by '
    'those before',
  )
  add(
    '--eta',
    type=int,
    default=halving.ETA,
    help='halving keeps one of so many; 3',
  )
  add(
    '--min_steps',
    type=int,
    default=100,
    help='no rung of halving is below; 100',
  )
  add(
    '--metric',
    default='',
    help="what decides, as in valid/accuracy; else the experiment's own",
  )
  add(
    '--higher_is_better', action='store_true', help='more of --metric is better'
  )
  add(
    '--engine',
    default='local',
    choices=ENGINES,
    help='this machine, or a cluster: docs/clusters.md',
  )
  add(
    '--workers',
    type=int,
    default=0,
    help='trials at a time; 0 takes one per core, and 16 jobs of SLURM',
  )
  add(
    '--form',
    default='auto',
    choices=FORMS,
    help='trials of one program one after another, or together by jax.vmap; '
    'auto does that on accelerators',
  )
  add('--address', default='', help='host:port of a Ray cluster')
  add(
    '--slurm',
    default='',
    metavar='KEY=VALUE,...',
    help='options of sbatch, as in partition=gpu,time=60',
  )
  add('--workdir', default='', help='of the sweep; else named by its space')
  add(
    '--rerun_best',
    action='store_true',
    help='train the winner once more, alone, in alone/',
  )
  add('--retry', action='store_true', help='run what failed once more')
  add('--yes', action='store_true', help=f'to more than {MANY:,} trials')
  add('--dry_run', action='store_true', help='say what would be run')
  return parser
