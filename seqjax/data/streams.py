"""One long token stream as batches for truncated backpropagation in time."""

import numpy as np

from seqjax import errors
from seqjax.data import batch


class Streams:
  """A token stream cut into B contiguous rows, and the rows into windows.

  The N - 1 transitions (token p to token p + 1) are laid out in B rows of
  S = ceil((N - 1) / B), row b holding transitions [b S, (b + 1) S). With
  k1 = `update_every` and k2 = `bptt_steps`, window n scores the positions
  [n k1, (n + 1) k1) of every row:

    k2 <= k1   T = k1 steps, all of them scored. The gradient is cut every k2
               steps, which is the training step's business.
    k2 > k1    T = k2 steps. The first k2 - k1 repeat the end of the window
               before and weigh nothing: the gradient reaches back through them.

  Row b of window n + 1 continues row b of window n. The carry to hand over is
  the one after the first k1 steps of window n, where window n + 1 begins.

  What lies outside a row is invalid, so nothing is dropped and nothing read
  twice: over an epoch the weights sum to N - 1. Each row begins with a reset.

  `streams(index)` is the batch of update `index`, a function of the constructor
  arguments and `index` alone; epochs follow each other without end. A batch is
  a view of one table, so it is read-only and costs some microseconds.

  Args:
    tokens: [N] integers.
    batch_size: B, the number of rows.
    update_every: k1, scored steps per window, typically 32 to 256.
    bptt_steps: k2, how many steps the gradient reaches; k1 when None. One of
      k1 and k2 must divide the other.
    data_seed: 0 cuts the first window at position 0; another seed begins it up
      to k1 - 1 steps earlier (with invalid steps), so that in every epoch the
      gradient is cut at other places.

  Raises:
    UserError: the sizes do not fit each other or the length of the text.

  Source: Williams and Peng (1990), Neural Computation 2(4), BPTT(h; h').

  >>> streams = Streams(np.arange(8), batch_size=2, update_every=3)
  >>> streams.num_targets, streams.batches_per_epoch
  (7, 2)
  >>> streams(0).inputs.T
  array([[0, 1, 2],
         [4, 5, 6]], dtype=int32)
  >>> streams(1).targets.T, streams(1).weights.sum()
  (array([[4, 0, 0],
         [0, 0, 0]], dtype=int32), np.float32(1.0))
  """

  def __init__(
    self, tokens, batch_size, update_every, bptt_steps=None, data_seed=0
  ):
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
      raise ValueError(
        'expected tokens as a vector of integers, got an array of shape '
        f'{tokens.shape} and dtype {tokens.dtype}.'
      )
    k1 = update_every
    k2 = k1 if bptt_steps is None else bptt_steps
    _check_sizes(len(tokens), batch_size, k1, k2)

    self.num_targets = len(tokens) - 1
    self._k1 = k1
    self._steps = max(k1, k2)
    self._num_unscored = self._steps - k1
    # Not a random generator: NumPy may change what those draw.
    shift = np.random.SeedSequence(data_seed).generate_state(1)[0] % k1
    shift = int(shift) if data_seed else 0
    row_length = -(-self.num_targets // batch_size)
    self._batches_per_epoch = -(-(row_length + shift) // k1)

    # The table [P, B]: row position p stands at line p + before, and window n
    # is the lines [n k1, n k1 + T).
    before = self._num_unscored + shift
    after = self._batches_per_epoch * k1 - shift - row_length

    def table(values):
      padded = np.zeros(batch_size * row_length, values.dtype)
      padded[: len(values)] = values
      rows = padded.reshape(batch_size, row_length)
      time_major = np.ascontiguousarray(
        np.pad(rows, ((0, 0), (before, after))).T
      )
      time_major.flags.writeable = False
      return time_major

    self._inputs = table(tokens[:-1].astype(np.int32))
    self._targets = table(tokens[1:].astype(np.int32))
    self._mask = table(np.ones(self.num_targets, bool))
    self._resets = np.zeros_like(self._mask)
    self._resets[before] = True
    self._resets.flags.writeable = False

  @property
  def batches_per_epoch(self) -> int:
    """How many windows lead through the text once."""
    return self._batches_per_epoch

  def __call__(self, index: int) -> batch.Batch:
    """The batch of update `index`, counted from 0 over all epochs."""
    if index < 0:
      raise ValueError(f'expected an index of at least 0, got {index}.')
    start = index % self._batches_per_epoch * self._k1
    window = slice(start, start + self._steps)
    weights = self._mask[window].astype(np.float32)
    weights[: self._num_unscored] = 0
    weights.flags.writeable = False
    return batch.Batch(
      inputs=self._inputs[window],
      targets=self._targets[window],
      mask=self._mask[window],
      weights=weights,
      resets=self._resets[window],
    )


def _check_sizes(num_tokens, batch_size, k1, k2):
  for name, size in (
    ('batch_size', batch_size),
    ('update_every', k1),
    ('bptt_steps', k2),
  ):
    if size < 1:
      raise errors.UserError(f'expected {name} of at least 1, got {size}.')
  if max(k1, k2) % min(k1, k2):
    raise errors.UserError(
      'expected one of bptt_steps and update_every to divide the other, got '
      f'bptt_steps={k2} and update_every={k1}.'
    )
  num_targets = num_tokens - 1
  if num_targets < batch_size:
    raise errors.UserError(
      f'batch_size={batch_size} is larger than the text: its {num_tokens} '
      f'tokens make {max(num_targets, 0)} steps, and each row needs one.'
    )
  if -(-num_targets // batch_size) < k1:
    # The most rows B whose length ceil(num_targets / B) is still k1 or more.
    largest = (num_targets - 1) // (k1 - 1)
    advice = (
      f'use a batch_size of at most {largest}'
      if largest
      else f'use an update_every of at most {num_targets}'
    )
    raise errors.UserError(
      f'a text of {num_tokens} tokens is shorter than one window: '
      f'batch_size={batch_size} rows of update_every={k1} steps; {advice}, or '
      'a longer text.'
    )
