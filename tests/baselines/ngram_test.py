"""Tests for seqjax.baselines.ngram."""

import collections
import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import baselines
from seqjax.baselines import ngram


def markov(rng, vocab_size, length, num_next=3):
  """A text in which each symbol is followed by few others, some of them rare.

  Symbol 0 never occurs, as the unknown character in a training part.
  """
  followers = rng.integers(1, vocab_size, (vocab_size, num_next))
  ids = [1]
  for _ in range(length - 1):
    u = rng.random()
    ids.append(
      rng.integers(1, vocab_size)
      if u < 0.1
      else followers[ids[-1], int(u**2 * num_next)]
    )
  return np.array(ids, np.int32)


class SlowKneserNey:
  """The equations of `baselines.KneserNey`, with dictionaries."""

  def __init__(self, ids, vocab_size, order):
    ids = [int(i) for i in ids]

    def grams(k):
      return [tuple(ids[i : i + k]) for i in range(len(ids) - k + 1)]

    self.vocab_size = vocab_size
    self.symbols = set(ids)
    self.counts = {order: collections.Counter(grams(order))}
    for k in range(1, order):
      different = set(grams(k + 1))
      self.counts[k] = collections.Counter(gram[1:] for gram in different)
    self.estimated = {}
    self.discounts = {k: self.estimate(k) for k in self.counts}

  def estimate(self, k):
    n = collections.Counter(self.counts[k].values())
    self.estimated[k] = False
    if n[1] and n[2] and n[3] and n[4]:
      y = n[1] / (n[1] + 2 * n[2])
      d = [
        1 - 2 * y * n[2] / n[1],
        2 - 3 * y * n[3] / n[2],
        3 - 4 * y * n[4] / n[3],
      ]
      if min(d) > 0:
        self.estimated[k] = True
        return d
    return [0.5, 1.0, 1.5]

  def probability(self, gram):
    if not gram:
      return 1 / self.vocab_size
    k, context = len(gram), gram[:-1]
    lower = self.probability(gram[1:])
    total = kept = freed = 0
    for symbol in self.symbols:
      count = self.counts[k][(*context, symbol)]
      if count:
        discount = self.discounts[k][min(count, 3) - 1]
        total, freed = total + count, freed + discount
        if symbol == gram[-1]:
          kept = count - discount
    return (kept + freed * lower) / total if total else lower


class NgramTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.rng = np.random.default_rng(0)

  @parameterized.product(order=(1, 2, 3, 4), length=(5, 60, 900))
  def test_bits_equal_the_dictionaries(self, order, length):
    vocab_size = 23
    train = markov(self.rng, vocab_size, length)
    valid = self.rng.integers(0, vocab_size, 17)
    slow = SlowKneserNey(train, vocab_size, order)
    whole = [*train.tolist(), *valid.tolist()]
    expected = -np.mean(
      [
        math.log2(slow.probability(tuple(whole[end - order : end])))
        for end in range(length + 1, length + len(valid) + 1)
      ]
    )
    bits = baselines.ngram_bits_per_char(train, valid, vocab_size, order)
    self.assertAlmostEqual(bits, expected, delta=1e-9)

  def test_both_ways_to_the_discounts_are_compared(self):
    # Of the test above: its long text has estimates, its short one has none.
    for length, any_estimated in ((900, True), (5, False)):
      rng = np.random.default_rng(0)
      slow = SlowKneserNey(markov(rng, 23, length), 23, 3)
      self.assertEqual(any(slow.estimated.values()), any_estimated)

  @parameterized.product(order=(1, 2, 3, 4), length=(4, 300))
  def test_probabilities_sum_to_one(self, order, length):
    vocab_size = 11
    train = markov(self.rng, vocab_size, length)
    model = baselines.KneserNey(train, vocab_size)
    # Contexts that occur, that do not, and the unknown symbol.
    contexts = [train[i : i + order - 1] for i in range(length - order + 1)][:9]
    contexts += list(self.rng.integers(0, vocab_size, (9, order - 1)))
    for context in contexts:
      grams = [[*context, symbol] for symbol in range(vocab_size)]
      p = model.probabilities(grams)
      self.assertGreater(p.min(), 0)
      self.assertAlmostEqual(p.sum(), 1, delta=1e-12)

  def test_a_worked_example(self):
    # 1 occurs twice, 2 once: no estimate, so d(1) = 1/2 and d(2) = 1. Kept are
    # 1/3 and 1/6; the 1/2 that is free is shared by three symbols.
    model = baselines.KneserNey([1, 1, 2], vocab_size=3, max_order=1)
    np.testing.assert_allclose(
      model.probabilities([[0], [1], [2]]), [1 / 6, 1 / 2, 1 / 3]
    )

  def test_discounts_by_hand(self):
    # n1..n4 = 4, 2, 1, 1: y = 1/2, d = 1 - 1/2, 2 - 3/4, 3 - 2.
    counts = np.array([1] * 4 + [2] * 2 + [3] + [4] + [9, 17])
    np.testing.assert_allclose(ngram._discounts(counts), [0, 0.5, 1.25, 1])

  def test_a_negative_estimate_is_not_used(self):
    counts = np.array([1] * 2 + [2] * 1 + [3] * 9 + [4])
    np.testing.assert_allclose(ngram._discounts(counts), [0, 0.5, 1.0, 1.5])

  def test_a_symbol_bound_to_one_context_is_less_likely_elsewhere(self):
    # 2 is the most frequent, but only ever after 1; 3 follows many.
    train = np.array([1, 2] * 20 + [4, 3, 5, 3, 6, 3, 7, 3])
    p = baselines.KneserNey(train, 9, 2).probabilities([[8, 2], [8, 3]])
    self.assertGreater(p[1], 2 * p[0])

  @parameterized.parameters(np.uint16, np.int32, np.uint64)
  def test_any_integers_give_the_same(self, dtype):
    train = markov(self.rng, 23, 400).astype(np.int64) + 49_977
    expected = baselines.ngram_baselines(train, train[:31], 50_000)
    model = baselines.KneserNey(train, 50_000)
    p = model.probabilities([train[5:9]])
    train = train.astype(dtype)
    self.assertEqual(model.probabilities([train[5:9]]), p)
    self.assertEqual(
      baselines.ngram_baselines(train, train[:31], 50_000), expected
    )

  def test_all_orders_at_once_equal_each_alone(self):
    train = markov(self.rng, 13, 400)
    valid = markov(self.rng, 13, 31)
    together = baselines.ngram_baselines(train, valid, 13, max_order=4)
    names = [f'{order}-gram' for order in (1, 2, 3, 4)]
    self.assertEqual(list(together), names)
    for order, bits in enumerate(together.values(), 1):
      self.assertEqual(
        bits, baselines.ngram_bits_per_char(train, valid, 13, order)
      )

  def test_orders_that_no_number_can_stand_for_are_left_out(self):
    bits = baselines.ngram_baselines([1, 2] * 9, [1, 2], 10**6, max_order=4)
    self.assertEqual(list(bits), ['1-gram', '2-gram', '3-gram'])

  def test_the_training_tail_is_the_first_context(self):
    train = np.array([1, 2, 3] * 50)
    bits = [
      baselines.ngram_bits_per_char(train, [symbol], 4, order=3)
      for symbol in (1, 2)
    ]
    self.assertLess(bits[0], 0.2)
    self.assertGreater(bits[1], 5)

  def test_noise_costs_its_entropy_and_repetition_nothing(self):
    noise = self.rng.integers(0, 8, 20_000)
    bits = baselines.ngram_bits_per_char(noise[:-5000], noise[-5000:], 8, 1)
    self.assertAlmostEqual(bits, 3, delta=0.01)
    cycle = np.arange(20_000) % 8
    bits = baselines.ngram_baselines(cycle[:-5000], cycle[-5000:], 8)
    self.assertAlmostEqual(bits['1-gram'], 3, delta=0.01)
    self.assertLess(bits['2-gram'], 0.01)

  def test_an_unseen_symbol_costs_a_finite_number_of_bits(self):
    train = np.ones(1000, np.int32)
    for name, bits in baselines.ngram_baselines(train, [0, 3], 4).items():
      self.assertBetween(bits, 2, 40, msg=name)

  def test_large_vocabularies_do_not_collide(self):
    vocab_size = 50_000  # to the power of 4, just inside 63 bits
    train = markov(self.rng, 23, 300) + vocab_size - 23
    grams = np.lib.stride_tricks.sliding_window_view(train[:20], 4)[:, ::-1]
    slow = SlowKneserNey(train, vocab_size, 4)
    np.testing.assert_allclose(
      baselines.KneserNey(train, vocab_size).probabilities(grams),
      [slow.probability(tuple(gram.tolist())) for gram in grams],
      rtol=1e-9,
    )


class BadInputTest(parameterized.TestCase):
  @parameterized.parameters(
    (dict(order=0), 'order from 1 to .*5, got 0'),
    (dict(order=6), 'order from 1 to .*5, got 6'),
    (dict(vocab_size=3), r'train_ids in \[0, 3\), got 1 to 3'),
    (dict(valid_ids=[9]), r'valid_ids in \[0, 4\), got 9 to 9'),
    (dict(valid_ids=[-1]), r'valid_ids in \[0, 4\), got -1'),
    (dict(valid_ids=[]), 'valid_ids as a vector of at least one integer'),
    (dict(valid_ids=np.zeros(0, int)), 'valid_ids as a vector of at least'),
    (dict(train_ids=[0.5, 1]), 'train_ids as a vector'),
    (dict(train_ids=[[1, 2], [2, 1]]), r'train_ids .* of shape \(2, 2\)'),
    (dict(vocab_size=60_000, order=4), 'do not fit into 63 bits'),
  )
  def test_is_refused_with_a_sentence(self, change, message):
    arguments = dict(
      train_ids=[1, 2, 3, 1, 2], valid_ids=[1], vocab_size=4, order=2
    )
    with self.assertRaisesRegex(ValueError, message):
      baselines.ngram_bits_per_char(**(arguments | change))


if __name__ == '__main__':
  absltest.main()
