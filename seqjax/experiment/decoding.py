"""How an experiment that writes looks for what to write."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import decoding, errors
from seqjax.experiment import batching, fields


@dataclasses.dataclass(frozen=True)
class Config(batching.PaddedConfig):
  """The settings that it adds: all of them change no parameter of a model."""

  beam_size: int = fields.field(
    1,
    'texts that are followed at once; 1 takes the likeliest symbol every time; '
    '4 to 10',
    group='decoding',
    kind='measuring',
    minimum=1,
    maximum=1000,
  )
  length_penalty: float = fields.field(
    1.0,
    'of a beam: log-probabilities are divided by length ** this; 0 prefers '
    'short texts; 0 to 1.5',
    group='decoding',
    kind='measuring',
    minimum=0,
    maximum=10,
  )
  max_written: int = fields.field(
    100,
    'symbols that are written at most',
    group='decoding',
    kind='measuring',
    minimum=1,
    maximum=10**5,
  )
  min_written: int = fields.field(
    0,
    'symbols before the end may come',
    group='decoding',
    kind='measuring',
    minimum=0,
    maximum=10**5,
  )
  no_repeat_ngram: int = fields.field(
    0,
    'no run of this many symbols is written twice; 0 lets them repeat',
    group='decoding',
    kind='measuring',
    minimum=0,
    maximum=100,
  )
  n_best: int = fields.field(
    1,
    'texts that are printed, with their scores; at most --beam_size',
    group='decoding',
    kind='runtime',
    minimum=1,
    maximum=1000,
  )

  def __post_init__(self):
    super().__post_init__()
    if self.n_best > self.beam_size:
      raise errors.UserError(
        f'--n_best={self.n_best}: expected at most --beam_size='
        f'{self.beam_size}: no more are followed.'
      )
    if self.min_written > self.max_written:
      raise errors.UserError(
        f'--min_written={self.min_written}: expected at most --max_written='
        f'{self.max_written}.'
      )


class Hypothesis(NamedTuple):
  """A text that a model may have meant."""

  tokens: np.ndarray  # [n] int32, without the end
  log_prob: float  # of all of it, the end included
  score: float  # by which it was chosen
  ended: bool  # whether the end came within --max_written


def make_search(config: Config, step, end: int):
  """The search that a config asks for.

  Args:
    config: with `beam_size` and what belongs to it.
    step: ((params, memory), carry, token [B]) -> (carry, logits [B, V]).
    end: the symbol that ends a text, and begins it.

  Returns:
    (params, memory, carry) -> for each of B rows its hypotheses, best first:
    `beam_size` of them, or fewer where there are no more. It raises UserError
    as `check_numbers`.
  """
  look = functools.partial(
    decoding.beam_search,
    step,
    beam_size=config.beam_size,
    max_length=config.max_written,
    length_penalty=config.length_penalty,
    rules=decoding.Rules(
      end=end,
      min_length=config.min_written,
      no_repeat_ngram=config.no_repeat_ngram,
      # The unknown symbol, which says nothing to whoever reads.
      banned=(0,),
    ),
  )

  def search(params, memory, carry) -> list[list[Hypothesis]]:
    batch_size = jax.tree.leaves(carry)[0].shape[0]
    first = jnp.full(batch_size, end, jnp.int32)
    found = jax.device_get(look((params, memory), carry, first))
    check_numbers(found.log_probs)
    return [_hypotheses(found, row) for row in range(batch_size)]

  return search


def check_numbers(log_probs) -> None:
  """Refuses texts of which a network does not say how probable they are.

  Raises:
    UserError: a log-probability is NaN.
  """
  if np.isnan(log_probs).any():
    raise errors.UserError(
      'expected numbers of the network, but what it says of a text is NaN: the '
      'parameters of this run are not finite. Train it anew, with a smaller '
      '--learning_rate or --clip_norm.'
    )


def _hypotheses(found: decoding.Beams, row: int) -> list[Hypothesis]:
  """What was found for a row; slots without a text are left out."""
  longest = found.tokens.shape[1]
  slots = np.flatnonzero(np.isfinite(found.log_probs[:, row]))
  lengths = found.lengths[slots, row].tolist()
  return [
    Hypothesis(
      found.tokens[slot, :length, row],
      float(found.log_probs[slot, row]),
      float(found.scores[slot, row]),
      length < longest,
    )
    for slot, length in zip(slots, lengths, strict=True)
  ]
