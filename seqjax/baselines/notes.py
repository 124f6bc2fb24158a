"""The next frame of notes from the one before, note by note."""

import numpy as np


def note_baselines(train, test) -> dict[str, float]:
  """Nats per frame of predictors that look at one note at a time.

    note frequency   p(note k)
    repeat           p(a note | whether it sounds now), one for all notes
    note bigram      p(note k | whether it sounds now)

  Every probability is (count + 1/2) / (number + 1) in the training part. Each
  frame but the first of a piece is predicted.

  Args:
    train: pieces [n, D] of 0 and 1.
    test: the same, of what is scored.

  Returns:
    name -> the sum over the notes of -log p, a mean over the frames.

  Example:
    >>> piece = np.array([[0], [1], [0], [1], [0]])
    >>> found = note_baselines([piece], [piece])
    >>> {name: round(nats, 2) for name, nats in found.items()}
    {'note frequency': 0.69, 'repeat': 0.18, 'note bigram': 0.18}
  """
  before, after = _transitions(train)
  # [2, D]: of the frames in which a note is off, and in which it is on.
  numbers = np.stack([(1 - before).sum(axis=0), before.sum(axis=0)])
  counts = np.stack([((1 - before) * after).sum(axis=0)] * 2)
  counts[1] = (before * after).sum(axis=0)
  sums = lambda x, axis: np.broadcast_to(x.sum(axis, keepdims=True), x.shape)
  return {
    name: _nats_per_frame(test, (counts_of + 0.5) / (numbers_of + 1))
    for name, counts_of, numbers_of in (
      ('note frequency', sums(counts, 0), sums(numbers, 0)),
      ('repeat', sums(counts, 1), sums(numbers, 1)),
      ('note bigram', counts, numbers),
    )
  }


def _transitions(pieces):
  """All frames but the last of a piece, and those that follow them: [M, D]."""
  pieces = [np.asarray(piece, int) for piece in pieces]
  before = np.concatenate([piece[:-1] for piece in pieces])
  return before, np.concatenate([piece[1:] for piece in pieces])


def _nats_per_frame(pieces, p):
  """Of p [2, D], the probability of a note that was off, and of one on."""
  before, after = _transitions(pieces)
  p = np.where(before, p[1], p[0])
  return float(-np.log(np.where(after, p, 1 - p)).sum(axis=1).mean())
