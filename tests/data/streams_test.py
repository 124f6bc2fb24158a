"""Tests for seqjax.data.streams."""

import itertools
import re

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import streams

# (N, B, k1, k2, data_seed): rows that end evenly and unevenly, a last row that
# is short or empty, gradients that reach as far, less far and farther.
CASES = (
  (43, 3, 7, 7, 0),  # 42 steps: every row full, every window full
  (40, 3, 5, None, 0),
  (40, 3, 4, 12, 0),
  (40, 3, 6, 2, 0),
  (40, 3, 4, 8, 3),
  (40, 3, 5, None, 4),
  (6, 4, 1, 1, 0),  # rows of 2, 2, 1 and 0 steps
  (12, 1, 1, 11, 0),
  (12, 5, 3, 6, 7),
  (2, 1, 1, 1, 0),
)


def tokens_of(num_tokens):
  """Tokens that all differ, so that a token tells its place."""
  return np.random.default_rng(0).permutation(10_000)[:num_tokens]


def make(num_tokens, *args):
  return streams.Streams(tokens_of(num_tokens), *args)


def epoch_of(stream, epoch=0):
  num = stream.batches_per_epoch
  return [stream(epoch * num + i) for i in range(num)]


def slow_window(tokens, index, shift, batch_size, k1, k2):
  """The batch by its definition, one step at a time."""
  row_length = int(np.ceil((len(tokens) - 1) / batch_size))
  unscored = max(k2 - k1, 0)
  shape = (k1 + unscored, batch_size)
  inputs, targets = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
  mask, weights = np.zeros(shape, bool), np.zeros(shape, np.float32)
  resets = np.zeros(shape, bool)
  for t in range(shape[0]):
    position = index * k1 - shift - unscored + t
    for b in range(batch_size):
      p = b * row_length + position
      resets[t, b] = position == 0
      if 0 <= position < row_length and p + 1 < len(tokens):
        inputs[t, b], targets[t, b] = tokens[p], tokens[p + 1]
        mask[t, b], weights[t, b] = True, t >= unscored
  return inputs, targets, mask, weights, resets


class StreamsTest(parameterized.TestCase):
  @parameterized.parameters(*CASES)
  def test_each_transition_is_scored_once_an_epoch(self, *case):
    stream, tokens = make(*case), tokens_of(case[0])
    scored = []
    for batch in epoch_of(stream):
      at = batch.weights > 0
      scored += zip(batch.inputs[at], batch.targets[at], strict=True)
    self.assertCountEqual(scored, list(itertools.pairwise(tokens)))
    self.assertEqual(stream.num_targets, len(tokens) - 1)
    self.assertEqual(
      sum(b.weights.sum() for b in epoch_of(stream)), stream.num_targets
    )

  @parameterized.parameters(*CASES)
  def test_windows_equal_the_definition(
    self, num_tokens, batch_size, k1, k2, data_seed
  ):
    stream = make(num_tokens, batch_size, k1, k2, data_seed)
    tokens, k2 = tokens_of(num_tokens), k2 or k1
    # The shift is the number of invalid steps before the first row begins.
    shift = np.argmax(stream(0).resets[:, 0]) - max(k2 - k1, 0)
    self.assertBetween(shift, 0, k1 - 1 if data_seed else 0)
    for i, batch in enumerate(epoch_of(stream)):
      slow = slow_window(tokens, i, shift, batch_size, k1, k2)
      for leaf, expected in zip(batch, slow, strict=True):
        np.testing.assert_array_equal(leaf, expected, strict=True)

  @parameterized.parameters(*CASES)
  def test_rows_continue_from_window_to_window(self, *case):
    stream, k1 = make(*case), case[2]
    batches = epoch_of(stream)
    for before, after in itertools.pairwise(batches):
      # The next window begins where k1 steps of this one have been read.
      np.testing.assert_array_equal(before.inputs[k1:], after.inputs[:-k1])
      if len(before.inputs) == k1:
        both = before.mask[-1] & after.mask[0]
        np.testing.assert_array_equal(
          before.targets[-1][both], after.inputs[0][both]
        )

  def test_rows_follow_each_other_in_the_text(self):
    stream, tokens = make(40, 3, 5), tokens_of(40)
    rows = np.concatenate([b.inputs for b in epoch_of(stream)]).T
    mask = np.concatenate([b.mask for b in epoch_of(stream)]).T
    np.testing.assert_array_equal(rows[mask], tokens[:-1])

  @parameterized.parameters(*CASES)
  def test_a_row_is_reset_where_it_begins_and_nowhere_else(self, *case):
    stream, tokens = make(*case), tokens_of(case[0])
    row_length = int(np.ceil((len(tokens) - 1) / case[1]))
    firsts = set(tokens[:-1:row_length])
    num_resets = 0
    for batch in epoch_of(stream):
      self.assertTrue(
        firsts.issuperset(batch.inputs[batch.resets & batch.mask])
      )
      num_resets += batch.resets[stream(0).weights.shape[0] - case[2] :].sum()
    self.assertEqual(num_resets, case[1])

  @parameterized.parameters(*CASES)
  def test_a_batch_depends_on_the_index_alone(self, *case):
    stream, other = make(*case), make(*case)
    second_epoch = epoch_of(stream, epoch=1)
    for i in reversed(range(stream.batches_per_epoch)):
      for leaf, again, later in zip(
        stream(i), other(i), second_epoch[i], strict=True
      ):
        np.testing.assert_array_equal(leaf, again)
        np.testing.assert_array_equal(leaf, later)

  def test_another_seed_cuts_at_other_places(self):
    cuts = {int(make(100, 2, 8, None, s)(1).inputs[0, 0]) for s in range(40)}
    self.assertLen(cuts, 8)
    tokens = tokens_of(100)
    self.assertEqual(cuts, set(tokens[1:9].tolist()))
    self.assertEqual(make(100, 2, 8)(1).inputs[0, 0], tokens[8])

  def test_the_shift_of_a_seed_stays_what_it_was(self):
    # Changing these moves the data of every finished run with such a seed.
    shifts = [
      int(np.argmax(make(900, 2, 64, None, s)(0).resets[:, 0]))
      for s in range(5)
    ]
    self.assertEqual(shifts, [0, 63, 11, 27, 6])

  def test_batches_are_read_only(self):
    for leaf in make(40, 3, 4, 8)(1):
      with self.assertRaisesRegex(ValueError, 'read-only'):
        leaf[0, 0] = 1

  def test_the_callers_tokens_may_change_afterwards(self):
    tokens = tokens_of(40).astype(np.int32)
    stream = streams.Streams(tokens, 1, 5)
    tokens[:] = 0
    np.testing.assert_array_equal(stream(0).inputs[:, 0], tokens_of(40)[:5])


class BadInputTest(parameterized.TestCase):
  @parameterized.parameters(
    (dict(batch_size=0), 'batch_size of at least 1, got 0'),
    (dict(update_every=-3), 'update_every of at least 1, got -3'),
    (dict(bptt_steps=0), 'bptt_steps of at least 1, got 0'),
    (dict(bptt_steps=6), 'divide the other, .*=6 and update_every=4'),
    (dict(bptt_steps=3), 'divide the other, .*=3 and update_every=4'),
    (dict(batch_size=40), 'batch_size=40 is larger than the text: its 40'),
    (dict(batch_size=14), 'text of 40 tokens is shorter than one window'),
    (dict(update_every=60), 'use an update_every of at most 39'),
  )
  def test_sizes_that_do_not_fit_are_the_users_error(self, change, message):
    sizes = dict(batch_size=3, update_every=4) | change
    with self.assertRaisesRegex(errors.UserError, message):
      streams.Streams(np.arange(40), **sizes)

  @parameterized.parameters(0, 1)
  def test_a_text_without_a_transition_is_refused(self, num_tokens):
    with self.assertRaisesRegex(errors.UserError, 'make 0 steps'):
      streams.Streams(np.arange(num_tokens), 1, 1)

  @parameterized.product(num_tokens=(9, 40, 41, 42), update_every=(2, 4, 7))
  def test_the_batch_size_advised_is_the_largest_that_fits(
    self, num_tokens, update_every
  ):
    tokens = np.arange(num_tokens)
    with self.assertRaises(errors.UserError) as caught:
      streams.Streams(tokens, num_tokens - 1, update_every)
    advice = re.search('batch_size of at most (.*),', str(caught.exception))
    largest = int(advice.group(1))
    streams.Streams(tokens, largest, update_every)
    with self.assertRaisesRegex(errors.UserError, 'shorter than one window'):
      streams.Streams(tokens, largest + 1, update_every)

  @parameterized.parameters(([[1, 2], [3, 4]],), ([0.5, 1.5, 2.5],))
  def test_tokens_that_are_no_vector_of_integers_are_refused(self, tokens):
    with self.assertRaisesRegex(ValueError, 'vector of integers'):
      streams.Streams(tokens, 1, 1)

  def test_a_negative_index_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'at least 0, got -1'):
      make(40, 3, 4)(-1)


if __name__ == '__main__':
  absltest.main()
