"""Writing until the end against loops in float64, and by its frequencies."""

import jax
import jax.numpy as jnp
import numpy as np
import text_machines
from absl.testing import absltest, parameterized
from oracle import texts as oracle

from seqjax import decoding

Rules = decoding.Rules
L = 6

# Of V = 4 tokens, the last being the end.
RULES = (
  Rules(end=3),
  Rules(end=3, min_length=4),
  Rules(end=3, no_repeat_ngram=2),
  Rules(end=3, min_length=3, no_repeat_ngram=1, banned=(1,)),
  Rules(end=3, banned=(0, 1, 2)),
  Rules(end=-1, banned=(2,)),
)


def write(rules=RULES[0], seed=0, rows=None, batch_size=12, **options):
  params = options.pop('params', text_machines.table(4))
  first, state = text_machines.first(batch_size, params.shape[1])
  rows = slice(None) if rows is None else rows
  return decoding.write(
    options.pop('step', text_machines.step),
    jnp.asarray(params),
    state[rows],
    first[rows],
    jax.random.key(seed),
    **{'max_length': L, 'rules': rules} | options,
  )


def texts(written, end):
  """The tokens of each row, without what follows the end."""
  for tokens, length in zip(
    np.asarray(written.tokens).T, written.lengths, strict=True
  ):
    np.testing.assert_array_equal(tokens[length:], end)
    yield tuple(tokens[:length].tolist())


class GreedyTest(parameterized.TestCase):
  @parameterized.parameters(*RULES)
  def test_it_is_the_likeliest_token_every_time(self, *rules):
    rules = Rules(*rules)
    written = write(rules)
    for row, text in enumerate(texts(written, rules.end)):
      model = text_machines.model(text_machines.table(4), row)
      [(expected, _, log_prob, _)] = oracle.beam(model, rules, L, beam_size=1)
      self.assertEqual(text, expected)
      np.testing.assert_allclose(written.log_probs[row], log_prob, rtol=1e-5)

  def test_temperature_0_reads_no_key(self):
    np.testing.assert_array_equal(write(seed=1).tokens, write(seed=2).tokens)

  def test_logits_that_are_no_numbers_have_no_probability(self):
    params = text_machines.table(4)
    params[:, 1] = np.nan
    written = write(Rules(end=3, banned=(0,)), params=params)
    np.testing.assert_array_equal(written.log_probs, np.nan)
    self.assertGreater(np.min(written.tokens), 0)

  def test_one_token_at_most(self):
    written = write(max_length=1)
    self.assertEqual(written.tokens.shape, (1, 12))
    np.testing.assert_array_equal(written.lengths, written.tokens[0] != 3)

  def test_it_stops_when_every_row_has_ended(self):
    steps = []

    def counted(params, carry, token):
      jax.debug.callback(lambda: steps.append(1))
      return text_machines.step(params, carry, token)

    params = text_machines.table(4)
    params[:, 3] += 4
    written = write(params=params, step=counted, max_length=1000)
    jax.effects_barrier()
    self.assertLen(steps, np.max(written.lengths) + 1)
    self.assertGreater(np.max(written.lengths), np.min(written.lengths))


class ChanceTest(parameterized.TestCase):
  @parameterized.parameters(0.7, 1.0)
  def test_whole_texts_come_as_often_as_they_should(self, temperature):
    # All rows begin in the same state.
    params, num_rows = text_machines.table(4, scale=1.0), 20_000
    written = write(
      rows=jnp.zeros(num_rows, jnp.int32),
      **{'params': params, 'temperature': temperature, 'max_length': 3},
    )
    tempered = text_machines.model(params / temperature, 0)
    expected = {
      tokens: num_rows * np.exp(log_prob)
      for tokens, _, log_prob, _ in oracle.every_text(tempered, RULES[0], 3)
    }
    counts = dict.fromkeys(expected, 0)
    for text in texts(written, 3):
      counts[text] += 1
    chi_square = sum((counts[x] - n) ** 2 / n for x, n in expected.items())
    self.assertLen(expected, 40)
    # 39 degrees of freedom: more than 82 has a probability of 1e-4.
    self.assertLess(chi_square, 82)

  def test_the_probability_is_that_of_the_model_at_any_temperature(self):
    params = text_machines.table(4)
    for options in ({'temperature': 2.0}, {'temperature': 0.5, 'top_k': 2}):
      written = write(**options)
      for row, text in enumerate(texts(written, 3)):
        model = text_machines.model(params, row)
        end = 3 if len(text) < L else None
        expected = oracle.log_prob(model, text, end)
        np.testing.assert_allclose(written.log_probs[row], expected, rtol=1e-5)

  @parameterized.parameters({'temperature': 0.0}, {'temperature': 1.0})
  def test_a_row_does_not_see_the_others(self, temperature):
    rules = Rules(end=3, no_repeat_ngram=2)
    whole = write(rules, temperature=temperature)
    for size in (1, 5):
      part = write(rules, rows=slice(size), temperature=temperature)
      for ours, theirs in zip(part, whole, strict=True):
        np.testing.assert_array_equal(ours, theirs[..., :size])

  def test_the_rules_hold_by_chance_too(self):
    written = write(RULES[3], temperature=3.0)
    for text in texts(written, 3):
      self.assertLen(set(text), len(text))
      self.assertNotIn(1, text)

  def test_the_key_decides(self):
    same, again, other = (
      write(seed=seed, temperature=1.0).tokens for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(same, again)
    self.assertFalse(np.array_equal(same, other))

  def test_of_the_likeliest_alone_it_is_greedy(self):
    greedy = write()
    for options in ({'top_k': 1}, {'top_p': 1e-6}):
      written = write(temperature=1.0, **options)
      np.testing.assert_array_equal(written.tokens, greedy.tokens)


if __name__ == '__main__':
  absltest.main()
