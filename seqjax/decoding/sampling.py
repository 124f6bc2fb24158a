"""Going on from a prompt for a given number of steps."""

import functools

import jax
import jax.numpy as jnp

from seqjax.decoding import choosing


@functools.partial(
  jax.jit, static_argnames=('step', 'length', 'banned', 'top_k', 'top_p')
)
def sample(
  step,
  params,
  carry,
  prompt,
  key,
  *,
  length,
  temperature,
  banned=(),
  top_k=0,
  top_p=1.0,
):
  """Continues a prompt, drawing each token from the model's distribution.

    token_tp1 ~ softmax(logits_t / temperature)

  Args:
    step: (params, carry, token [B]) -> (carry, logits [B, V]); compiled once
      per function object.
    params, carry: of the model; carry before the prompt.
    prompt: [P, B] int, P at least 1.
    key: PRNG key.
    length: how many tokens to write.
    temperature: a number >= 0; 0 takes the likeliest token every time.
    banned: tuple of tokens never written, an unknown symbol for example.
    top_k: how many of the likeliest tokens may be drawn; 0 for all.
    top_p: of these, the fewest that have this probability together may be
      drawn (Holtzman et al., 2020); 1 for all.

  Returns:
    tokens [length, B], without the prompt.
  """
  temperature = jnp.asarray(temperature, jnp.float32)

  def draw(key, logits):
    allowed = choosing.ban(logits, banned)
    return choosing.choose(key, allowed, temperature, top_k, top_p)

  return _go_on(step, params, carry, prompt, key, length, draw)


@functools.partial(jax.jit, static_argnames=('step', 'length'))
def sample_frames(step, params, carry, prompt, key, *, length, temperature):
  """Continues frames, drawing each note by itself from the model's probability.

    note_tp1 ~ Bernoulli(sigmoid(logit_t / temperature))

  Args:
    step: (params, carry, frame [B, D]) -> (carry, logits [B, D]); compiled once
      per function object.
    params, carry: of the model; carry before the prompt.
    prompt: [P, B, D] of 0 and 1, P at least 1.
    key: PRNG key.
    length: how many frames to write.
    temperature: a number >= 0; 0 takes the notes that are likelier than not.

  Returns:
    frames [length, B, D] of the prompt's type, without the prompt.
  """

  def draw(key, logits):
    safe = jnp.where(temperature > 0, temperature, 1)
    p = jax.nn.sigmoid(logits / safe.astype(logits.dtype))
    sounds = jnp.where(temperature > 0, jax.random.bernoulli(key, p), p > 0.5)
    return sounds.astype(prompt.dtype)

  temperature = jnp.asarray(temperature, jnp.float32)
  return _go_on(step, params, carry, prompt, key, length, draw)


def _go_on(step, params, carry, prompt, key, length, draw):
  """Reads the prompt, then what `draw(key, logits)` makes of the scores."""
  read = lambda carry, x_t: step(params, carry, x_t)
  carry, logits = jax.lax.scan(read, carry, prompt)

  def write(state, t):
    carry, logits = state
    x_t = draw(jax.random.fold_in(key, t), logits)
    return read(carry, x_t), x_t

  _, written = jax.lax.scan(
    write, (carry, logits[-1]), jnp.arange(length, dtype=jnp.int32)
  )
  return written
