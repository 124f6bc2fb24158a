"""The next K values of a series, forecast at every step of it."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import distributions, layers
from seqjax.data.timeseries import steps_ahead
from seqjax.models import next_step, penalties
from seqjax.models import task as task_lib


class Forecaster(nn.Module):
  """A recurrent stack that says at every step what it expects of the next K.

    h_t = recurrent([y_t, missing_t, past_t, known_tp1], h_tm1)
    c_tk = tanh(W_k h_t + V known_tpk + b_k)           k = 1 .. K
    raw_tk = w c_tk + b

  and the head makes a forecast of raw_tk and of the base forecast for t + k.
  Without covariates known ahead, raw_tk = W_k h_t + b_k. The last layer begins
  at zero: an untrained forecaster says what its base says.

  Static covariates are read once: they set the initial carry.

  Attributes:
    horizon: K.
    num_columns: D, the values that are forecast side by side.
    head: of `distributions.HEADS`.
    recurrent: a `layers.Recurrent` in one direction.
    decoder_size: width of c_tk.
    widths: P, F and E, the covariates known up to now, known ahead, and static.

  Raises:
    UserError: a bidirectional or reverse `recurrent`, which would read what it
      is to forecast.

  Source: Wen et al. (2017), arXiv:1711.11053, whose forking sequences learn
    from every step. Theirs decodes in two stages; here it is one.
  """

  horizon: int
  num_columns: int
  head: distributions.Head
  recurrent: layers.Recurrent
  decoder_size: int = 32
  widths: tuple[int, int, int] = (0, 0, 0)

  def __post_init__(self):
    next_step.check(self.recurrent)
    super().__post_init__()

  @nn.compact
  def __call__(
    self,
    steps: steps_ahead.Steps,
    carry=None,
    *,
    mask=None,
    resets=None,
    key=None,
    dropout_rate=0.0,
    rates=None,
  ):
    """Forecasts from every step.

    Args:
      steps: a `steps_ahead.Steps` of T steps of B rows.
      carry: what the previous window returned; None begins a series.
      mask, resets: [T, B] bool, as in `recurrence.unroll`.
      key: PRNG key; None for evaluation.
      dropout_rate: before and between the layers' outputs; may be traced.
      rates: as in `layers.Recurrent`.

    Returns:
      raw [T, B, K, D, P], what the head reads, and `recurrence.Unrolled`. Its
      outputs are sown for `penalties`.
    """
    keys = (None,) * 2 if key is None else jax.random.split(key)
    static = steps.static[0]
    unrolled = self.recurrent(
      jnp.concatenate(
        [steps.values, steps.missing, steps.past, steps.known[:, :, 0]], -1
      ),
      carry,
      mask=mask,
      resets=resets,
      key=keys[0],
      dropout_rate=dropout_rate,
      rates=rates,
      context=static if self.widths[2] else None,
    )
    hs = layers.dropout(
      keys[1],
      unrolled.outputs,
      dropout_rate,
      same_over_time=self.recurrent.variational,
    )
    penalties.sow(self, unrolled.outputs, hs)
    return self._decode(hs, steps.known), unrolled

  def _decode(self, hs, known):
    """raw [T, B, K, D, P]."""
    shape = self.num_columns, self.head.num_outputs
    last = lambda features: nn.DenseGeneral(
      features, kernel_init=nn.initializers.zeros, name='scores'
    )
    if not self.widths[1]:
      return last((self.horizon, *shape))(hs)
    of_state = nn.DenseGeneral((self.horizon, self.decoder_size), name='state')
    of_known = nn.Dense(self.decoder_size, use_bias=False, name='known')
    return last(shape)(jnp.tanh(of_state(hs) + of_known(known)))


@task_lib.shared
def task(model: Forecaster, carried: bool = False) -> task_lib.Task:
  """The model with the loss of its head, in the mean over all values it says.

  Of hparams it reads `dropout_rate`, the names of `regularizers.Rates` and
  those of `penalties`.

  Args:
    model: what is trained.
    carried: windows follow each other, and the carry goes along.
  """

  def init(key, batch):
    first = jax.tree.map(lambda x: jnp.asarray(x[:1]), batch.inputs)
    return model.init(key, first, mask=jnp.asarray(batch.mask[:1]))

  def carry(params, batch_size):
    return first_carry(model, params, batch_size) if carried else ()

  def loss(params, carry, batch, key, hparams):
    (raw, unrolled), sown = model.apply(
      params,
      batch.inputs,
      carry if carried else None,
      mask=batch.mask,
      resets=batch.resets,
      key=key,
      **task_lib.disturbances(hparams, 'dropout_rate'),
      mutable='intermediates',
    )
    counted = batch.weights > 0
    # What is missing may be anything, and must reach no gradient.
    targets = jnp.where(counted, batch.targets, 0)
    scale = batch.inputs.scale[:, :, None]
    each = model.head.loss(raw, batch.inputs.base, targets, scale)
    total = jnp.sum(jnp.where(counted, batch.weights * each, 0))
    weight = jnp.sum(batch.weights)
    steps = jnp.any(counted, axis=(2, 3)).astype(jnp.float32)
    price = penalties.price(sown['intermediates'], steps, batch.resets, hparams)
    carry = jax.lax.stop_gradient(unrolled.carry) if carried else ()
    pairs = {model.head.unit: (total, weight)}
    return total + weight * price, task_lib.Aux(weight, carry, pairs)

  return task_lib.Task(init, loss, carry)


def first_carry(model: Forecaster, params, batch_size: int, static=None):
  """The carry of every row before its series.

  Args:
    model, params: a forecaster.
    batch_size: B.
    static: [B, E]; zeros if None.
  """
  one = lambda *shape: jnp.zeros((1, batch_size, *shape))
  ahead = lambda width: one(model.horizon, width)
  num_past, num_known, num_static = model.widths
  nothing = steps_ahead.Steps(
    values=one(model.num_columns),
    missing=one(model.num_columns),
    past=one(num_past),
    known=ahead(num_known),
    base=ahead(model.num_columns),
    static=one(num_static) if static is None else static[None],
    scale=one(model.num_columns),
  )
  # A row without a valid step returns the carry that it began with.
  mask = jnp.zeros((1, batch_size), bool)
  return model.apply(params, nothing, mask=mask)[1].carry


@task_lib.shared
def step(model: Forecaster):
  """The model one step at a time, for values that arrive one after another.

  Returns:
    (params, carry, steps of T = 1) -> (carry, raw [B, K, D, P]).
  """

  def read(params, carry, steps):
    raw, unrolled = model.apply(params, steps, carry)
    return unrolled.carry, raw[0]

  return read


@task_lib.shared
def read(model: Forecaster):
  """(params, batch) -> raw [T, B, K, D, P] and the carry after every step.

  Each row of the batch is begun anew.
  """

  def read(params, batch):
    raw, unrolled = model.apply(params, batch.inputs, mask=batch.mask)
    return raw, unrolled.carries

  return read


@task_lib.shared
def paths(model: Forecaster, num_paths: int):
  """Draws what may come, each draw read as the value of the next step.

  Args:
    model: of horizon 1, without covariates known only up to now.
    num_paths: from each origin.

  Returns:
    (params, raw [N, 1, D, P], carry [N, ...], ahead, keys [N]) -> scaled values
    [N, K, D, num_paths] from N origins. raw and carry are those of the model
    there, and `ahead` is a `Steps` of one step of N rows, of whose known and
    base K steps are read.
  """
  go = step(model)
  spread = lambda x: jnp.repeat(x, num_paths, axis=0)
  gather = lambda x: x.reshape(-1, num_paths, *x.shape[1:])
  draws = jax.vmap(model.head.sample)
  fold_in = jax.vmap(jax.random.fold_in, in_axes=(0, None))

  def draw(params, raw, carry, ahead, keys):
    # Every path is a row of its own, [N paths, ...].
    carry = jax.tree.map(spread, carry)
    scale = spread(ahead.scale[0])
    # The leads in front, [K, N, 1, ...].
    known, base = (
      jnp.moveaxis(x[0], 1, 0)[:, :, None] for x in (ahead.known, ahead.base)
    )

    def sample(raw, base, k):
      at = gather(raw[:, 0]), gather(spread(base)[:, 0]), gather(scale)
      return draws(fold_in(keys, k), *at).reshape(scale.shape)

    def go_on(state, inputs):
      carry, values = state
      k, known_k, base_k = inputs
      now = steps_ahead.Steps(
        values=values[None],
        missing=jnp.zeros_like(values)[None],
        past=spread(ahead.past[0])[None],
        known=spread(known_k)[None],
        base=spread(base_k)[None],
        static=spread(ahead.static[0])[None],
        scale=scale[None],
      )
      carry, raw = go(params, carry, now)
      values = sample(raw, base_k, k)
      return (carry, values), values

    first = sample(spread(raw), base[0], 0)
    leads = jnp.arange(1, len(known), dtype=jnp.int32)
    _, others = jax.lax.scan(
      go_on, (carry, first), (leads, known[1:], base[1:])
    )
    drawn = jnp.concatenate([first[None], others])  # [K, N paths, D]
    drawn = drawn.reshape(len(known), len(keys), num_paths, -1)
    return jnp.moveaxis(drawn, (0, 2), (1, 3))

  return draw
