"""The recordings that a command gives, and which part each of them is in."""

import dataclasses

import numpy as np

from seqjax import data, errors
from seqjax.data.audio import tones, utterances
from seqjax.experiment import batching, fields

# What a command says of files.
_OF_FILES = ('transcripts', 'speaker_column', 'name_pattern', 'sample_rate')


@dataclasses.dataclass(frozen=True)
class Config(batching.Config):
  """The settings of an experiment that learns from recordings."""

  dataset: str = fields.field(
    'tones',
    'recordings to learn from, where no --wav_path is given',
    group='data',
    choices=('tones',),
  )
  wav_path: str = fields.field(
    '',
    'a folder of wav files, or a .tar.gz or .tar.xz of one',
    group='data',
    is_path=True,
  )
  name_pattern: str = fields.field(
    utterances.NAME_PATTERN,
    'how these files are called, without .wav: {label} is what is said, '
    '{speaker} who says it and {index} a number',
    group='data',
  )
  transcripts: str = fields.field(
    '',
    'instead of that, a table with the columns file and text: .tsv, .csv or '
    '.jsonl',
    group='data',
    is_path=True,
  )
  speaker_column: str = fields.field(
    '', 'of that table, where it says who speaks', group='data'
  )
  sample_rate: int = fields.field(
    8000,
    'samples in a second, Hz; files with another rate are brought to it',
    group='data',
    minimum=1000,
    maximum=192_000,
  )
  min_joined: int = fields.field(
    3,
    'recordings of one speaker that make an utterance, at least; 1 where they '
    'are whole sentences',
    group='data',
    minimum=1,
    maximum=100,
  )
  max_joined: int = fields.field(
    7, 'the same, at most', group='data', minimum=1, maximum=100
  )
  passes: int = fields.field(
    4,
    'utterances to learn from that each recording is in, each time among '
    'others; 1 to 20',
    group='data',
    minimum=1,
    maximum=1000,
  )
  speed_change: float = fields.field(
    0.1,
    'share by which an utterance to learn from is made faster and higher, or '
    'slower and lower, at most; 0 to 0.25, in steps of 0.01',
    group='data',
    minimum=0,
    maximum=0.5,
  )
  test_below: int = fields.field(
    0,
    'the test part is all recordings with an index below this; 0 takes a share '
    'of --valid_fraction',
    group='data',
    minimum=0,
  )
  held_out_speaker: str = fields.field(
    '', 'instead, the test part is all recordings of this speaker', group='data'
  )
  valid_speaker: str = fields.field(
    '',
    'the validation part is all recordings of this speaker; if empty, a share '
    'of --valid_fraction',
    group='data',
  )


def read_parts(config: Config) -> dict[str, utterances.Utterances]:
  """The recordings of 'train', 'valid' and 'test'; none is in two of them.

  Raises:
    UserError: as `utterances.wav_files`; nobody has the name of a speaker to
      hold out; a part would have no recording; a flag would change nothing.
  """
  _check(config)
  if config.wav_path:
    whole = utterances.wav_files(
      config.wav_path,
      config.sample_rate,
      config.name_pattern,
      config.transcripts,
      config.speaker_column,
    )
  else:
    whole = tones.tones(data_seed=config.data_seed)
  rest, test = _without(config, whole, 'test', config.held_out_speaker)
  rest, valid = _without(config, rest, 'valid', config.valid_speaker)
  # What was said of all of them is said once.
  rest = rest._replace(notes=whole.notes)
  return {'train': rest, 'valid': valid, 'test': test}


def _check(config):
  """Refuses flags that contradict each other, or would change nothing."""
  given = lambda name: getattr(config, name) != getattr(type(config), name)
  if config.min_joined > config.max_joined:
    raise errors.UserError(
      f'--min_joined={config.min_joined}: expected at most '
      f'--max_joined={config.max_joined}.'
    )
  for name in _OF_FILES:
    if given(name) and not config.wav_path:
      raise errors.UserError(f'--{name} goes with --wav_path: name that too.')
  if config.speaker_column and not config.transcripts:
    raise errors.UserError(
      '--speaker_column goes with --transcripts: name that too.'
    )
  for one, other in (
    ('transcripts', 'name_pattern'),
    ('test_below', 'held_out_speaker'),
  ):
    if given(one) and given(other):
      raise errors.UserError(
        f'--{one} and --{other}: give one of the two, and not both.'
      )
  if config.speed_change and not round(100 * config.speed_change):
    raise errors.UserError(
      f'--speed_change={config.speed_change}: expected 0, or at least 0.01: '
      'speeds differ by whole percents.'
    )


def _without(config, whole, part, speaker):
  """The recordings without a part, and the part."""
  if speaker:
    taken = np.array(whole.speakers) == speaker
    if not taken.any():
      raise errors.unknown('speaker', speaker, set(whole.speakers))
  elif part == 'test' and config.test_below:
    taken = np.array(whole.indices) < config.test_below
  else:
    # Where recordings are joined, every speaker needs some in each part.
    classes = whole.speakers if config.max_joined > 1 else whole.rate
    classes = np.broadcast_to(classes, len(whole.texts))
    _, ids = data.hold_out(classes, config.valid_fraction, config.data_seed)
    taken = np.isin(np.arange(len(whole.texts)), ids)
  if taken.all() or not taken.any():
    raise errors.UserError(
      f'the {part} part would have {taken.sum():,} of {len(taken):,} '
      f'recordings of {whole.name}: choose it so that it has some, and the '
      'training part too.'
    )
  return (
    utterances.take(whole, np.flatnonzero(~taken), whole.name),
    utterances.take(whole, np.flatnonzero(taken), whole.name),
  )
