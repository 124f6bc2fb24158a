"""The baselines of music against a slow count, note by note."""

import numpy as np
from absl.testing import absltest

from seqjax import baselines

D = 5


def pieces(seed):
  """Pieces of 2 to 40 frames whose notes are held; the last never sounds."""
  random = np.random.default_rng(seed)
  made = []
  for length in (2, 7, 40):
    roll = np.zeros((length, D), np.uint8)
    for t in range(1, length):
      moved = random.random(D) < np.linspace(0.2, 0.8, D)
      roll[t] = np.where(moved, 1 - roll[t - 1], roll[t - 1])
    roll[:, -1] = 0
    made.append(roll)
  return made


def oracle(train, test, context):
  """Nats per frame, where context(note, was on) says what is counted as one."""
  counts, numbers = {}, {}
  for piece in train:
    for t, k in np.ndindex(len(piece) - 1, D):
      where = context(k, piece[t, k])
      counts[where] = counts.get(where, 0) + piece[t + 1, k]
      numbers[where] = numbers.get(where, 0) + 1
  nats = frames = 0
  for piece in test:
    frames += len(piece) - 1
    for t, k in np.ndindex(len(piece) - 1, D):
      where = context(k, piece[t, k])
      p = (counts.get(where, 0) + 0.5) / (numbers.get(where, 0) + 1)
      nats -= np.log(p if piece[t + 1, k] else 1 - p)
  return nats / frames


class NoteBaselinesTest(absltest.TestCase):
  def test_they_are_what_a_slow_count_says(self):
    train, test = pieces(0), pieces(1)
    test[1][3:5, -1] = 1  # A note that the training part does not have.
    found = baselines.note_baselines(train, test)
    contexts = {
      'note frequency': lambda k, on: k,
      'repeat': lambda k, on: on,
      'note bigram': lambda k, on: (k, on),
    }
    self.assertEqual(list(found), list(contexts))
    for name, context in contexts.items():
      self.assertAlmostEqual(found[name], oracle(train, test, context))

  def test_what_happens_between_pieces_does_not_count(self):
    train = pieces(0)
    whole = [np.concatenate(train)]
    apart = baselines.note_baselines(train, train)
    together = baselines.note_baselines(whole, train)
    for name in apart:
      self.assertNotEqual(apart[name], together[name])


if __name__ == '__main__':
  absltest.main()
