"""What it takes to write down what is said: steps, batches, texts, errors."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from seqjax import data, metrics, models
from seqjax.data import transcripts
from seqjax.data.audio import filterbanks, utterances
from seqjax.decoding import ctc
from seqjax.experiment import batching, decoding, fields, spoken

# Each recording is measured in so many utterances, among others in each.
_MEASURED_PASSES = 4
# unit -> how a text is divided into symbols, and what stands between them.
_UNITS = {'words': (str.split, ' '), 'characters': (list, '')}
_NUM_SHOWN = 3  # Texts that are printed beside what was said.


@dataclasses.dataclass(frozen=True)
class Config(spoken.Config):
  """The settings that it adds to those of recordings."""

  unit: str = fields.field(
    'words',
    'symbols that are written',
    group='data',
    choices=tuple(_UNITS),
  )
  num_mels: int = fields.field(
    40,
    'bands of frequencies that are told apart; 20 to 80',
    minimum=3,
    maximum=1000,
  )
  frames_per_step: int = fields.field(
    3,
    'frames of 10 ms that are read as one step; 1 to 4',
    minimum=1,
    maximum=100,
  )
  beam_size: int = fields.field(
    1,
    'beginnings that are kept while writing; 1 writes the likeliest path',
    group='run',
    kind='measuring',
    minimum=1,
    maximum=1000,
  )


class Part(NamedTuple):
  """Utterances to learn from or to be measured on."""

  steps: Sequence[np.ndarray]  # N arrays [T, D] float32
  texts: Sequence[str]  # [N]


def make_part(
  config: Config, recordings: utterances.Utterances, learns: bool = False
) -> Part:
  """Utterances of the recordings, as the network reads them."""
  measured = _MEASURED_PASSES if config.max_joined > 1 else 1
  joined = utterances.joined(
    recordings,
    config.min_joined,
    config.max_joined,
    passes=config.passes if learns else measured,
    speed_change=config.speed_change if learns else 0,
    data_seed=config.data_seed,
  )
  pairs = [(hear(config, x, recordings.rate), text) for x, text in joined]
  return Part(*zip(*pairs, strict=True))


def hear(config: Config, samples, rate: int) -> np.ndarray:
  """What the network reads of a sound, as `filterbanks.steps`."""
  return filterbanks.steps(
    samples, rate, config.num_mels, config.frames_per_step
  )


def vocabulary(config: Config, texts) -> data.Vocabulary:
  """The symbols in some texts."""
  split, _ = _UNITS[config.unit]
  return data.word_vocabulary(map(split, texts))


def make_batches(config: Config, symbols: data.Vocabulary, part: Part):
  """index -> Batch to learn from, and the plan behind it.

  What is said too fast for the steps that there are cannot be written: it is
  left out, and counted.
  """
  split, _ = _UNITS[config.unit]
  pairs = []
  for steps, text in zip(*part, strict=True):
    ids = symbols.encode(split(text))
    ids = ids[ids > 0]  # U+FFFD, which is no symbol, may stand in a table.
    if transcripts.steps_needed(ids) <= len(steps):
      pairs.append((steps, ids))
  if lost := len(part.texts) - len(pairs):
    print(
      f'Left out, with more {config.unit} than steps of '
      f'{config.frames_per_step * filterbanks.STEP} ms: {lost:,} of '
      f'{len(part.texts):,} utterances. Take a smaller --frames_per_step.'
    )
  steps, written = zip(*pairs, strict=True) if pairs else ((), ())
  plan = batching.plan_batches(config, steps, config.data_seed)
  return transcripts.transcript_batches(steps, written, plan), plan


def make_writer(config: Config, model, symbols: data.Vocabulary):
  """(params, N arrays [T, D]) -> N texts."""
  _, between = _UNITS[config.unit]

  @jax.jit
  def write(params, batch):
    logits = models.recogniser.scores(model)(params, batch)
    if config.beam_size == 1:
      return ctc.ctc_greedy(logits, batch.mask)
    return ctc.ctc_beam(logits, batch.mask, config.beam_size)

  def run(params, sequences):
    plan = batching.plan_batches(config, sequences)
    batches = data.step_batches(sequences, sequences, plan)
    answers = batching.answers(
      lambda batch: write(params, batch), batches, plan
    )
    texts = [''] * len(sequences)
    for i, row, found in answers:
      decoding.check_numbers(found.log_probs[row])
      ids = found.tokens[: found.lengths[row], row]
      texts[i] = between.join(symbols.decode(ids))
    return texts

  return run


def show(write, params, part: Part) -> None:
  """Prints what is written of the first utterances, and what is right."""
  some = slice(_NUM_SHOWN)
  texts = write(params, part.steps[some])
  for written, text in zip(texts, part.texts[some], strict=True):
    print(f'{written or "(nothing)"} (right: {text})')


def measure(write, params, parts: dict[str, Part]) -> dict[str, float]:
  """The error rates of some parts, e.g. 'test/word_error_rate'."""
  found = {}
  for name, part in parts.items():
    texts = write(params, part.steps)
    words = ([text.split() for text in x] for x in (texts, part.texts))
    found[f'{name}/word_error_rate'] = metrics.error_rate(*words)
    rate = metrics.error_rate(texts, part.texts)
    found[f'{name}/character_error_rate'] = rate
  return found
