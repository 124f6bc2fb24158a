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
  read = lambda carry, token: step(params, carry, token)
  carry, logits = jax.lax.scan(read, carry, prompt)
  temperature = jnp.asarray(temperature, logits.dtype)

  def draw(logits, t):
    safe = jnp.where(temperature > 0, temperature, 1)
    scores = temper(logits, safe, banned)
    drawn = jax.random.categorical(jax.random.fold_in(key, t), scores)
    return jnp.where(temperature > 0, drawn, jnp.argmax(scores, axis=-1))

  def write(state, t):
    carry, logits = state
    token = draw(logits, t)
    return read(carry, token), token

  _, tokens = jax.lax.scan(
    write, (carry, logits[-1]), jnp.arange(length, dtype=jnp.int32)
  )
  return tokens
