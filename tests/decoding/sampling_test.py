"""Sampling against Python loops and against the distribution it claims."""

import collections
import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import decoding

P, B, V, H = 3, 2, 5, 4


def params_of(seed=0):
  keys = jax.random.split(jax.random.key(seed), 3)
  shapes = ((V, H), (H, H), (H, V))
  # Scaled up, so that the likeliest token is not always the same one.
  return [
    3 * jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True)
  ]


def step(params, carry, token):
  """A recurrent model: its logits depend on all tokens before."""
  embedding, w_h, w_y = params
  carry = jnp.tanh(embedding[token] + carry @ w_h)
  return carry, carry @ w_y


def fixed(params, carry, token):
  """The same logits whatever was read."""
  return carry, jnp.broadcast_to(params, (token.shape[0], V))


def counting(params, carry, token):
  """The carry counts the tokens read; the likeliest token is its value."""
  del params
  carry = carry + 1
  return carry, jax.nn.one_hot(carry % V, V)


def prompts(seed=0, batch_size=B):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.integers(0, V, (P, batch_size), np.int32))


def write(prompt, key=None, *, length=20, temperature=0.0, **more):
  return decoding.sample(
    more.pop('step', step),
    more.pop('params', params_of()),
    more.pop('carry', jnp.zeros((prompt.shape[1], H))),
    prompt,
    jax.random.key(0) if key is None else key,
    length=length,
    temperature=temperature,
    **more,
  )


class GreedyTest(parameterized.TestCase):
  @parameterized.parameters(1, P)
  def test_temperature_0_is_the_likeliest_token_every_time(self, prompt_size):
    prompt = prompts()[:prompt_size]
    params, carry = params_of(), jnp.zeros((B, H))
    for token in prompt:
      carry, logits = step(params, carry, token)
    expected = []
    for _ in range(20):
      expected.append(np.argmax(logits, axis=-1).astype(np.int32))
      carry, logits = step(params, carry, jnp.asarray(expected[-1]))
    tokens = write(prompt)
    np.testing.assert_array_equal(tokens, expected)
    self.assertGreater(len(np.unique(tokens)), 2)

  def test_temperature_0_reads_no_key(self):
    np.testing.assert_array_equal(
      write(prompts(), jax.random.key(1)), write(prompts(), jax.random.key(2))
    )

  def test_a_row_does_not_see_the_prompts_of_others(self):
    ours, others = prompts(0), prompts(1)
    mixed = jnp.concatenate([ours[:, :1], others[:, 1:]], axis=1)
    self.assertFalse(np.array_equal(ours[:, 1], others[:, 1]))
    np.testing.assert_array_equal(write(mixed)[:, 0], write(ours)[:, 0])

  def test_the_carry_goes_through_prompt_and_text(self):
    tokens = write(
      prompts(), step=counting, params=(), carry=jnp.array([0, 2]), length=7
    )
    start = P + np.array([0, 2])
    np.testing.assert_array_equal(tokens, (start + np.arange(7)[:, None]) % V)

  def test_a_longer_text_begins_with_the_shorter(self):
    for temperature in (0.0, 1.0):
      long = write(prompts(), length=9, temperature=temperature)
      short = write(prompts(), length=4, temperature=temperature)
      np.testing.assert_array_equal(long[:4], short)


class SamplingTest(parameterized.TestCase):
  @parameterized.parameters(0.5, 1.0, 2.0)
  def test_frequencies_follow_the_tempered_softmax(self, temperature):
    logits = np.array([0.0, 1.0, -1.0, 0.5, -0.5], np.float32)
    tokens = write(
      prompts(),
      step=fixed,
      params=jnp.asarray(logits),
      length=4000,
      temperature=temperature,
    )
    p = np.exp(logits / temperature)
    expected = tokens.size * p / p.sum()
    counts = np.bincount(np.ravel(tokens), minlength=V)
    chi_square = np.sum((counts - expected) ** 2 / expected)
    # 4 degrees of freedom: more than 23.5 has a probability of 1e-4.
    self.assertLess(chi_square, 23.5)

  def test_rows_and_steps_draw_anew(self):
    tokens = np.asarray(
      write(
        prompts(), step=fixed, params=jnp.zeros(V), length=50, temperature=1.0
      )
    )
    self.assertFalse(np.array_equal(tokens[:, 0], tokens[:, 1]))
    self.assertFalse(np.array_equal(tokens[:25], tokens[25:]))

  def test_the_same_key_writes_the_same_text_and_another_another(self):
    draw = functools.partial(write, prompts(), temperature=1.0)
    same, again, other = (draw(jax.random.key(seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(same, again)
    self.assertFalse(np.array_equal(same, other))

  @parameterized.parameters(0.0, 1.0)
  def test_banned_never_appears_and_the_rest_keeps_its_odds(self, temperature):
    logits = jnp.array([5.0, 0.0, 6.0, 1.0, 0.0])
    tokens = write(
      prompts(),
      step=fixed,
      params=logits,
      length=2000,
      temperature=temperature,
      banned=(0, 2),
    )
    counts = collections.Counter(np.ravel(tokens).tolist())
    self.assertSameElements(counts, [1, 3, 4] if temperature else [3])
    if temperature:
      share = counts[3] / sum(counts.values())
      self.assertAlmostEqual(share, np.e / (np.e + 2), delta=0.03)

  @parameterized.parameters(({'top_k': 2},), ({'top_p': 0.6},))
  def test_only_the_likeliest_that_are_not_banned_are_drawn(self, options):
    tokens = write(
      prompts(),
      step=fixed,
      params=jnp.log(jnp.array([0.5, 0.2, 0.1, 0.1, 0.1])),
      length=200,
      temperature=1.0,
      banned=(0,),
      **options,
    )
    self.assertSameElements(np.unique(tokens), [1, 2])

  def test_another_temperature_compiles_nothing(self):
    traces = []

    def traced(params, carry, token):
      traces.append(1)
      return fixed(params, carry, token)

    for temperature in (0.0, 0.7, 1.3):
      write(
        prompts(), step=traced, params=jnp.zeros(V), temperature=temperature
      )
    first = len(traces)
    write(prompts(), step=traced, params=jnp.ones(V), temperature=2.0)
    self.assertLen(traces, first)
    self.assertLessEqual(first, 4)  # Once or twice for each of the two scans.


def chord(params, carry, frame):
  """A recurrent model of frames: its scores depend on all frames before."""
  embedding, w_h, w_y = params
  carry = jnp.tanh(jnp.asarray(frame, jnp.float32) @ embedding + carry @ w_h)
  return carry, carry @ w_y


def constant(params, carry, frame):
  """The same scores whatever was read."""
  return carry, jnp.broadcast_to(params, frame.shape)


class FramesTest(parameterized.TestCase):
  def write(self, step=chord, seed=0, *, params=None, length=20, temperature=0):
    frames = np.random.default_rng(0).integers(0, 2, (P, B, V), np.uint8)
    self.prompt = jnp.asarray(frames)
    return decoding.sample_frames(
      step,
      params_of() if params is None else params,
      jnp.zeros((B, H)),
      self.prompt,
      jax.random.key(seed),
      length=length,
      temperature=temperature,
    )

  def test_temperature_0_is_every_note_that_is_likelier_than_not(self):
    found = self.write()
    params, carry = params_of(), jnp.zeros((B, H))
    for frame in self.prompt:
      carry, logits = chord(params, carry, frame)
    expected = []
    for _ in range(20):
      expected.append(np.asarray(logits > 0))
      carry, logits = chord(params, carry, jnp.asarray(expected[-1]))
    np.testing.assert_array_equal(found, expected)
    self.assertEqual(found.dtype, self.prompt.dtype)
    self.assertTrue(0.1 < found.mean() < 0.9)

  @parameterized.parameters(0.5, 1.0, 2.0)
  def test_each_note_sounds_as_often_as_its_sigmoid_says(self, temperature):
    scores = np.array([0.0, 1.0, -1.0, 2.0, -3.0], np.float32)
    found = self.write(
      constant,
      params=jnp.asarray(scores),
      length=4000,
      temperature=temperature,
    )
    p = 1 / (1 + np.exp(-scores / temperature))
    # Of 8,000 draws the standard deviation is at most 0.0056.
    np.testing.assert_allclose(found.mean(axis=(0, 1)), p, atol=0.02)
    # Independent of each other, of the row and of the frame before.
    notes = np.asarray(found, np.float64).reshape(-1, V)
    correlation = np.corrcoef(notes.T) - np.eye(V)
    self.assertLess(np.abs(correlation).max(), 0.06)
    self.assertFalse(np.array_equal(found[:, 0], found[:, 1]))
    self.assertFalse(np.array_equal(found[:2000], found[2000:]))

  def test_the_key_decides(self):
    same, again, other = (
      self.write(seed=seed, temperature=1.0) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(same, again)
    self.assertFalse(np.array_equal(same, other))

  @parameterized.parameters(1e-30, 1e30)
  def test_an_extreme_temperature_is_certain_or_a_coin(self, temperature):
    scores = jnp.array([900.0, 3.0, -2.0, -900.0, -0.5])
    found = self.write(
      constant, params=scores, length=500, temperature=temperature
    )
    p = scores > 0 if temperature < 1 else np.full(V, 0.5)
    np.testing.assert_allclose(found.mean(axis=(0, 1)), p, atol=0.08)


if __name__ == '__main__':
  absltest.main()
