"""Writing with a model that offers one step at a time."""

import functools

import jax
import jax.numpy as jnp


def temper(logits, temperature, banned=()):
  """log-probabilities at a temperature, with some tokens ruled out.

  Args:
    logits: [..., V].
    temperature: > 0; below 1 the likely becomes likelier, above 1 rarer.
    banned: tokens that get probability zero.
  """
  if banned:
    logits = logits.at[..., jnp.array(banned)].set(-jnp.inf)
  # Below the largest one before dividing: a tiny temperature gives -inf, not
  # inf - inf; and what is ruled out stays so at an infinite one.
  scaled = (logits - jnp.max(logits, axis=-1, keepdims=True)) / temperature
  scaled = jnp.where(logits == -jnp.inf, -jnp.inf, scaled)
  return jax.nn.log_softmax(scaled, axis=-1)


@functools.partial(jax.jit, static_argnames=('step', 'length', 'banned'))
def sample(step, params, carry, prompt, key, *, length, temperature, banned=()):
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

  Returns:
    tokens [length, B], without the prompt.
  """

  def draw(key, logits):
    safe = jnp.where(temperature > 0, temperature, 1)
    scores = temper(logits, safe.astype(logits.dtype), banned)
    drawn = jax.random.categorical(key, scores)
    return jnp.where(temperature > 0, drawn, jnp.argmax(scores, axis=-1))

  temperature = jnp.asarray(temperature, jnp.float32)
  return _write(step, params, carry, prompt, key, length, draw)


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
  return _write(step, params, carry, prompt, key, length, draw)


def _write(step, params, carry, prompt, key, length, draw):
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
