"""Beam search against every text there is, and against loops in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import text_machines
from absl.testing import absltest, parameterized
from oracle import texts as oracle

from seqjax import decoding

Rules = decoding.Rules

# Of V = 4 tokens, the last being the end.
RULES = {
  'plain': Rules(end=3),
  'min_length': Rules(end=3, min_length=2),
  'ngrams': Rules(end=3, no_repeat_ngram=2),
  'banned': Rules(end=3, banned=(1,)),
  'all': Rules(end=3, min_length=2, no_repeat_ngram=1, banned=(1,)),
  'no_end': Rules(end=-1),
}


def search(params, rules, batch_size=2, **options):
  first, state = text_machines.first(batch_size, params.shape[1])
  options = {'beam_size': 3, 'max_length': 5} | options
  return decoding.beam_search(
    options.pop('step', text_machines.step),
    jnp.asarray(params),
    options.pop('carry', state),
    first,
    rules=rules,
    **options,
  )


def texts_of(beams, row, end):
  """The texts of one row as the oracle has them."""
  max_length = beams.tokens.shape[1]
  for tokens, length, log_prob in zip(
    *(np.asarray(x)[..., row] for x in beams[:3]), strict=True
  ):
    assert np.all(tokens[length:] == end)
    if log_prob > -np.inf:
      ended = bool(length < max_length)
      yield tuple(tokens[:length].tolist()), ended, log_prob


def assert_same(beams, expected, row, rules, length_penalty):
  """The best texts, in order, and their numbers."""
  found = list(texts_of(beams, row, rules.end))
  assert [x[:2] for x in found] == [x[:2] for x in expected]
  np.testing.assert_allclose(
    [x[2] for x in found], [x[2] for x in expected], rtol=1e-5, atol=1e-5
  )
  np.testing.assert_allclose(
    beams.scores[: len(found), row],
    [oracle.score(x, length_penalty) for x in expected],
    rtol=1e-5,
    atol=1e-5,
  )
  np.testing.assert_array_equal(beams.scores[len(found) :, row], -np.inf)


class ExhaustiveTest(parameterized.TestCase):
  @parameterized.product(name=tuple(RULES), max_length=(1, 4))
  def test_a_beam_for_all_texts_finds_all_in_order(self, name, max_length):
    params, rules = text_machines.table(4), RULES[name]
    for length_penalty in (0.0, 0.6, 1.0, 2.0):
      beams = search(
        params,
        rules,
        # More than there are: the rest is empty.
        beam_size=4**max_length + 3,
        max_length=max_length,
        length_penalty=length_penalty,
      )
      for row in range(2):
        model = text_machines.model(params, row)
        expected = oracle.in_order(
          oracle.every_text(model, rules, max_length), length_penalty
        )
        self.assertLess(len(expected), len(beams.scores))
        assert_same(beams, expected, row, rules, length_penalty)

  def test_so_it_does_with_an_lstm(self):
    params, rules = small_lstm(), Rules(end=3, no_repeat_ngram=2)
    one_step = jax.jit(lstm_step)
    nothing = jnp.zeros((2, 1, 6))

    @functools.cache
    def read(tokens):
      carry = read(tokens[:-1])[0] if len(tokens) > 1 else tuple(nothing)
      return one_step(params, carry, jnp.array(tokens[-1:]))

    firsts = (3, 1)
    beams = decoding.beam_search(
      *(lstm_step, params, tuple(jnp.zeros((2, 2, 6))), jnp.array(firsts)),
      **{'beam_size': 100, 'max_length': 4, 'rules': rules},
    )
    for row, first in enumerate(firsts):
      model = lambda tokens, first=first: read((first, *tokens))[1][0]
      expected = oracle.in_order(oracle.every_text(model, rules, 4), 1.0)
      assert_same(beams, expected, row, rules, 1.0)


def small_lstm():
  """Weights of 6 units and 4 tokens, large enough for preferences."""
  keys = jax.random.split(jax.random.key(1), 3)
  shapes = ((4, 24), (6, 24), (6, 4))
  return [
    2 * jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True)
  ]


def lstm_step(params, carry, token):
  w_x, w_h, w_y = params
  h, c = carry
  i, f, g, o = jnp.split(w_x[token] + h @ w_h, 4, axis=-1)
  c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
  h = jax.nn.sigmoid(o) * jnp.tanh(c)
  return (h, c), h @ w_y


class NarrowTest(parameterized.TestCase):
  @parameterized.product(
    beam_size=(2, 4), rules=(Rules(6), Rules(6, 3, 2, (0, 2)), Rules(-1))
  )
  def test_it_is_the_search_that_the_docstring_describes(
    self, beam_size, rules
  ):
    for seed in range(5):
      params = text_machines.table(7, seed)
      beams = search(params, rules, beam_size=beam_size, max_length=9)
      for row in range(2):
        model = text_machines.model(params, row)
        expected = oracle.in_order(
          oracle.beam(model, rules, 9, beam_size), length_penalty=1.0
        )
        assert_same(beams, expected, row, rules, 1.0)

  @parameterized.parameters(*RULES)
  def test_a_beam_of_1_is_greedy_bit_for_bit(self, name):
    rules, num_rows = RULES[name], 40
    params = text_machines.table(4)
    beams = search(params, rules, num_rows, beam_size=1, max_length=9)
    first, state = text_machines.first(num_rows, 4)
    greedy = decoding.write(
      *(text_machines.step, jnp.asarray(params), state, first),
      jax.random.key(0),
      max_length=9,
      rules=rules,
    )
    for ours, theirs in zip(beams[:3], greedy, strict=True):
      np.testing.assert_array_equal(ours[0], theirs)

  def test_a_wider_beam_finds_better_texts(self):
    params, rules = text_machines.table(7, scale=1.0), Rules(end=6)
    best = [
      search(params, rules, 12, beam_size=n, length_penalty=0.0).scores[0]
      for n in (1, 8)
    ]
    self.assertTrue(np.all(best[1] >= best[0]))
    self.assertTrue(np.any(best[1] > best[0]))


class RowsTest(absltest.TestCase):
  def test_the_batch_changes_nothing(self):
    params, rules = text_machines.table(7), Rules(end=6, no_repeat_ngram=2)
    _, states = text_machines.first(9, 7)
    whole = search(params, rules, 9)
    for rows in ([4], [8, 0, 4, 4]):
      part = search(params, rules, len(rows), carry=states[jnp.array(rows)])
      for ours, theirs in zip(part, whole, strict=True):
        np.testing.assert_array_equal(ours, theirs[..., rows])

  def test_each_hypothesis_reads_the_memory_of_its_row(self):
    memory = jnp.arange(12.0).reshape(3, 4) % 5

    def step(params, carry, token):
      table, memory = params
      state, logits = text_machines.step(table, carry['state'], token)
      seen = carry['seen'] + memory * jax.nn.one_hot(token, 4)
      return {'state': state, 'seen': seen}, logits - seen

    table = jnp.asarray(text_machines.table(4))
    first, states = text_machines.first(3, 4)
    run = lambda memory, states: decoding.beam_search(
      *(step, (table, memory), {'state': states, 'seen': 0 * memory}),
      first[: len(states)],
      **{'beam_size': 4, 'max_length': 6, 'rules': Rules(end=3)},
    )
    together = run(memory, states)
    for row in range(3):
      alone = run(memory[row : row + 1], states[row : row + 1])
      for ours, theirs in zip(alone, together, strict=True):
        np.testing.assert_array_equal(ours[..., 0], theirs[..., row])


class EdgesTest(parameterized.TestCase):
  def test_of_equally_likely_tokens_the_smaller_comes_first(self):
    beams = search(np.zeros((text_machines.STATES, 6)), Rules(-1), beam_size=4)
    np.testing.assert_array_equal(
      beams.tokens[..., 0], [[0, 0, 0, 0, x] for x in range(4)]
    )

  def test_two_tokens_and_more_hypotheses_than_tokens(self):
    params, rules = text_machines.table(2), Rules(end=1)
    beams = search(params, rules, beam_size=9, max_length=3)
    found = [text[0] for text in texts_of(beams, 0, 1)]
    self.assertCountEqual(found, [(), (0,), (0, 0), (0, 0, 0)])
    self.assertEqual(found[-1], (0, 0, 0))  # It did not end.
    np.testing.assert_array_equal(beams.scores[4:], -np.inf)

  def test_only_the_end_is_allowed(self):
    beams = search(text_machines.table(4), Rules(end=3, banned=(0, 1, 2)))
    np.testing.assert_array_equal(beams.tokens, 3)
    np.testing.assert_array_equal(beams.lengths, 0)
    self.assertTrue(np.all(np.isfinite(beams.scores[0])))
    np.testing.assert_array_equal(beams.scores[1:], -np.inf)

  def test_where_nothing_is_left_the_end_comes_and_ranks_last(self):
    rules = Rules(end=3, min_length=3, no_repeat_ngram=1, banned=(0,))
    beams = search(text_machines.table(4), rules, beam_size=4)
    found = list(texts_of(beams, 0, 3))
    self.assertCountEqual([text[0] for text in found], [(1, 2), (2, 1)])
    # Which the model gives the probability that it gives to any other text.
    model = text_machines.model(text_machines.table(4), 0)
    np.testing.assert_allclose(
      [log_prob for *_, log_prob in found],
      [oracle.log_prob(model, text, 3) for text, *_ in found],
      rtol=1e-5,
    )
    # What goes on beyond the longest length is better than a forced end.
    beams = search(
      text_machines.table(4), rules._replace(no_repeat_ngram=2), beam_size=4
    )
    self.assertGreater(beams.log_probs[0, 0], -100)
    rules = Rules(end=3, min_length=2, no_repeat_ngram=1)
    best = search(text_machines.table(4), rules, beam_size=4)
    self.assertTrue(np.all(best.log_probs > -100))

  def test_what_is_impossible_is_no_number_that_spreads(self):
    params = text_machines.table(4)
    params[:, 0] = -np.inf
    params[::3, :3] = -np.inf
    params[::7] = -np.inf
    for rules in (Rules(3), Rules(3, min_length=4, no_repeat_ngram=1)):
      beams = search(params, rules, 12, beam_size=6)
      self.assertFalse(np.any(np.isnan(beams.log_probs)))
      self.assertFalse(np.any(np.isnan(beams.scores)))
      self.assertFalse(np.any(beams.tokens == 0))

  def test_logits_that_are_no_numbers_are_no_text(self):
    params = text_machines.table(4)
    params[:, 1] = np.nan
    for beam_size in (1, 3):
      beams = search(params, Rules(3, banned=(0,)), beam_size=beam_size)
      np.testing.assert_array_equal(beams.log_probs, np.nan)
      np.testing.assert_array_equal(beams.lengths, 0)

  def test_sums_are_in_float32_at_least(self):
    params = text_machines.table(4)
    beams = search(params.astype(jnp.bfloat16), Rules(end=3))
    self.assertEqual(beams.log_probs.dtype, jnp.float32)
    with jax.enable_x64(True):
      beams = search(params.astype(np.float64), Rules(end=3))
    self.assertEqual(beams.scores.dtype, np.float64)
    self.assertEqual(beams.tokens.dtype, np.int32)

  def test_another_penalty_compiles_nothing(self):
    traces = []

    def traced(params, carry, token):
      traces.append(1)
      return text_machines.step(params, carry, token)

    params = text_machines.table(4)
    search(params, Rules(end=3), step=traced, length_penalty=0.0)
    first = len(traces)
    search(params + 1, Rules(end=3), step=traced, length_penalty=0.7)
    self.assertLen(traces, first)

  @parameterized.parameters(((),), ((0, 1, 2),))
  def test_it_stops_when_none_can_go_on(self, banned):
    steps = []

    def counted(params, carry, token):
      jax.debug.callback(lambda: steps.append(1))
      return text_machines.step(params, carry, token)

    params, rules = text_machines.table(4), Rules(end=3, banned=banned)
    params[:, 3] += 8
    search(params, rules, 1, step=counted, max_length=1000)
    jax.effects_barrier()
    self.assertLess(len(steps), 60)


if __name__ == '__main__':
  absltest.main()
