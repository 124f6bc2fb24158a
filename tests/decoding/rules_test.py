"""What the rules leave, against loops."""

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from oracle import texts as oracle

from seqjax.decoding import rules as rules_lib

V, L = 5, 8
Rules = rules_lib.Rules


class NarrowTest(parameterized.TestCase):
  @parameterized.parameters(
    Rules(4),
    Rules(4, min_length=3),
    Rules(4, banned=(0, 3)),
    Rules(4, no_repeat_ngram=1),
    Rules(4, no_repeat_ngram=2),
    Rules(4, no_repeat_ngram=3),
    Rules(4, no_repeat_ngram=L),
    Rules(4, no_repeat_ngram=L + 1),
    Rules(4, 2, 2, (1,)),
    Rules(-1, banned=(1, 2)),
  )
  def test_it_leaves_what_may_come_at_any_length(self, *rules):
    rules = Rules(*rules)
    rng = np.random.RandomState(0)
    logits = rng.normal(size=(2, 3, V)).astype(np.float32)
    # Few different tokens, or nothing would repeat.
    texts = rng.randint(2, size=(L, 2, 3)).astype(np.int32)
    for n in range(L):
      found, _ = rules_lib.narrow(
        rules, jnp.asarray(logits), jnp.int32(n), jnp.asarray(texts)
      )
      for place in np.ndindex(2, 3):
        model = lambda _, place=place: logits[place]
        tokens = tuple(texts[:n, *place].tolist())
        expected = np.full(V, -np.inf)
        for token, log_prob in oracle.ways(model, rules, tokens)[0].items():
          expected[token] = log_prob
        np.testing.assert_allclose(found[place], expected, rtol=1e-5)

  def test_where_nothing_is_left_the_end_comes_as_likely_as_it_is(self):
    for banned, left in ((0, 2), False), ((0,), True):
      rules = Rules(1, min_length=2, banned=banned)
      found, stuck = rules_lib.narrow(rules, jnp.zeros((1, 3)), 0, None)
      expected = np.full((1, 3), -np.inf)
      expected[0, 2 if left else 1] = -np.log(3)
      np.testing.assert_allclose(found, expected, rtol=1e-6)
      self.assertEqual(stuck.tolist(), [not left])

  def test_what_gives_nothing_ends_the_text(self):
    found, stuck = rules_lib.narrow(
      Rules(1), jnp.full((1, 3), -jnp.inf), 0, None
    )
    lowest = np.finfo(np.float32).min
    np.testing.assert_array_equal(found, [[-np.inf, lowest, -np.inf]])
    self.assertTrue(stuck[0])

  def test_scores_that_are_no_numbers_stay_so(self):
    logits = jnp.array([[jnp.nan, 0, 1], [jnp.inf, 0, 1]])
    found, stuck = rules_lib.narrow(Rules(1, banned=(0,)), logits, 0, None)
    np.testing.assert_array_equal(found, [[-np.inf, np.nan, np.nan]] * 2)
    self.assertFalse(stuck.any())

  @parameterized.parameters(
    Rules(V),
    Rules(-2),
    Rules(0, banned=(V,)),
    Rules(0, banned=(-1,)),
    Rules(-1, no_repeat_ngram=1),
    Rules(-1, banned=tuple(range(V))),
  )
  def test_rules_that_cannot_be_kept_are_refused(self, *rules):
    with self.assertRaisesRegex(ValueError, 'Rules.*(fit 5|no end)'):
      rules_lib.narrow(Rules(*rules), jnp.zeros((1, V)), 0, None)


if __name__ == '__main__':
  absltest.main()
