"""CTC decoding against a sum over every path, in float64 NumPy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import decoding

T, B, V = 5, 6, 3
# Lengths 0, 1, T and 3; then holes, one of them at the beginning.
MASK = np.array(
  [
    [0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0],
    [1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0],
    [1, 0, 1, 1, 0],
    [0, 0, 1, 0, 1],
  ],
  bool,
).T


def example(seed=0, num_steps=T, num_tokens=V, scale=2.0):
  rng = np.random.RandomState(seed)
  return (scale * rng.normal(size=(num_steps, B, num_tokens))).astype(
    np.float32
  )


def read(path, blank):
  """The labelling that a path is read as."""
  merged = [symbol for symbol, _ in itertools.groupby(path)]
  return tuple(symbol for symbol in merged if symbol != blank)


def log_probs_of(logits):
  logits = np.asarray(logits, np.float64)
  return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def labellings(logits, blank):
  """Every labelling of one row [T, V], and its log-probability."""
  log_probs, found = log_probs_of(logits), {}
  for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
    labelling = read(path, blank)
    said = log_probs[np.arange(len(path)), list(path)].sum()
    found[labelling] = np.logaddexp(found.get(labelling, -np.inf), said)
  return found


def search(logits, blank, beam_size):
  """Prefix search of one row as Hannun et al. write it, with dictionaries."""
  prefixes = {(): (0.0, -np.inf)}  # ending in a blank, in the last token
  for log_p in log_probs_of(logits):
    grown = {}

    def add(prefix, place, log_prob, grown=grown):
      ends = list(grown.get(prefix, (-np.inf, -np.inf)))
      ends[place] = np.logaddexp(ends[place], log_prob)
      grown[prefix] = tuple(ends)

    for prefix, ends in prefixes.items():
      total = np.logaddexp(*ends)
      add(prefix, 0, total + log_p[blank])
      for token in set(range(len(log_p))) - {blank}:
        if prefix[-1:] == (token,):
          add(prefix, 1, ends[1] + log_p[token])
          add((*prefix, token), 1, ends[0] + log_p[token])
        else:
          add((*prefix, token), 1, total + log_p[token])
    likeliest = sorted(grown, key=lambda x: -np.logaddexp(*grown[x]))
    prefixes = {prefix: grown[prefix] for prefix in likeliest[:beam_size]}
  best = next(iter(prefixes))
  return best, np.logaddexp(*prefixes[best])


def assert_reads(found, row, expected, log_prob, blank, rtol=1e-5):
  length = int(found.lengths[row])
  tokens = np.asarray(found.tokens[:, row])
  np.testing.assert_array_equal(tokens[:length], expected)
  np.testing.assert_array_equal(tokens[length:], blank)
  np.testing.assert_allclose(found.log_probs[row], log_prob, rtol, rtol)


class GreedyTest(parameterized.TestCase):
  @parameterized.parameters(0, 2)
  def test_it_reads_the_likeliest_path(self, blank):
    for seed in range(5):
      logits = example(seed)
      found = decoding.ctc_greedy(logits, MASK, blank)
      for row in range(B):
        valid = logits[MASK[:, row], row]
        best = log_probs_of(valid).max(axis=-1).sum() if len(valid) else 0
        path = valid.argmax(axis=-1) if len(valid) else ()
        assert_reads(found, row, read(path, blank), best, blank)

  def test_what_repeats_is_one_unless_a_blank_stands_between(self):
    logits = jax.nn.one_hot(jnp.array([[1, 1, 0, 1, 2]]).T, V)
    found = decoding.ctc_greedy(logits, jnp.ones((5, 1), bool))
    np.testing.assert_array_equal(found.tokens[:, 0], [1, 1, 2, 0, 0])


class BeamTest(parameterized.TestCase):
  @parameterized.parameters((0, np.float32, 1e-5), (2, np.float64, 1e-10))
  def test_a_beam_for_all_prefixes_finds_the_likeliest_labelling(
    self, blank, dtype, rtol
  ):
    for seed in range(5):
      logits = example(seed, scale=1.0).astype(dtype)
      with jax.enable_x64(dtype == np.float64):
        found = decoding.ctc_beam(logits, MASK, 70, blank)
      for row in range(B):
        every = labellings(logits[MASK[:, row], row], blank)
        best = max(every, key=every.get)
        assert_reads(found, row, best, every[best], blank, rtol)

  @parameterized.parameters(1, 3)
  def test_a_narrow_beam_is_the_search_of_the_paper(self, beam_size):
    mask = np.arange(12)[:, None] < np.array([[12, 0, 7, 12, 1, 12]])
    for seed in range(5):
      logits = example(seed, 12, 5, scale=1.0)
      found = decoding.ctc_beam(logits, mask, beam_size)
      for row in range(B):
        valid = logits[mask[:, row], row]
        expected = search(valid, 0, beam_size)
        assert_reads(found, row, *expected, blank=0)

  def test_it_is_greedy_where_every_step_is_certain(self):
    logits = example(scale=100.0)
    beam = decoding.ctc_beam(logits, MASK, 1)
    greedy = decoding.ctc_greedy(logits, MASK)
    np.testing.assert_array_equal(beam.tokens, greedy.tokens)

  def test_what_is_impossible_is_no_number_that_spreads(self):
    logits = example()
    logits[:, :, 1] = -np.inf
    found = decoding.ctc_beam(logits, MASK, 70)
    self.assertFalse(np.any(found.tokens == 1))
    self.assertTrue(np.all(np.isfinite(found.log_probs)))


class BothTest(parameterized.TestCase):
  @parameterized.parameters(
    decoding.ctc_greedy, lambda *args: decoding.ctc_beam(*args, 4)
  )
  def test_padding_and_other_rows_are_invisible(self, decode):
    logits = example()
    clean = decode(logits, MASK)
    garbage = np.where(MASK[..., None], logits, np.nan)
    for ours, theirs in zip(decode(garbage, MASK), clean, strict=True):
      np.testing.assert_array_equal(ours, theirs)
    part = decode(logits[:, 2:4], MASK[:, 2:4])
    for ours, theirs in zip(part, clean, strict=True):
      np.testing.assert_array_equal(ours, theirs[..., 2:4])
    np.testing.assert_array_equal(clean.lengths[0], 0)
    np.testing.assert_array_equal(clean.log_probs[0], 0)


if __name__ == '__main__':
  absltest.main()
