"""A forecaster of the rows to come, whose errors tell what is unusual."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import baselines, data, distributions, models, training
from seqjax.data.timeseries import (
  calendar,
  filling,
  frequency,
  readings,
  recordings,
  steps_ahead,
)
from seqjax.data.timeseries import scaling as scaling_lib
from seqjax.experiment import build, fields
from seqjax.experiment.anomaly import tables

# Rows that a compiled program reads at most in one call.
CHUNK_ROWS = 256
# The median; its loss is half the absolute error, which one spike cannot bend.
_HEAD = distributions.quantiles((0.5,))
# Deviations from which on `squash` grows as the logarithm does, and the most
# that the network may say.
_SQUASHED_FROM, _MOST_SAID = 3.0, 30.0


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
  """The settings of the network, beside those of what it reads."""

  horizon: int = fields.field(
    12,
    'rows that are forecast from each; a row is compared with as many '
    'forecasts, made 1 to so many rows before; 1 to 48',
    group='model',
    minimum=1,
    maximum=10**4,
  )
  context: int = fields.field(
    32,
    'rows that are read before the first that is learnt from; 16 to 256',
    group='training',
    minimum=0,
    maximum=10**6,
  )
  window: int = fields.field(
    128,
    'rows of a window that are learnt from; 48 to 256',
    group='training',
    minimum=1,
    maximum=10**6,
  )


def fit_scaling(recording: recordings.Recording, parts) -> scaling_lib.Scaling:
  """Shift and scale of each series, by its training part alone."""
  return scaling_lib.fit(
    recording.series.targets, parts.train[:, 1], 'standard'
  )


def squash(scaled) -> np.ndarray:
  """Scaled values as the network reads and says them: 3 asinh(y / 3).

  A spike of 100 deviations in the training part would outweigh all else.
  """
  return _SQUASHED_FROM * np.arcsinh(np.asarray(scaled) / _SQUASHED_FROM)


def unsquash(said) -> np.ndarray:
  """Scaled values again."""
  said = np.clip(said, -_MOST_SAID, _MOST_SAID)
  return _SQUASHED_FROM * np.sinh(said / _SQUASHED_FROM)


def clock_of(times, num_rows: int) -> np.ndarray:
  """What the clock says of each row, as waves of a day.

  A training part may be shorter than a week or a year, so that their days would
  be new to the network in the rows to come: they are left out.

  Args:
    times: [n] datetime64[s], or None.
    num_rows: n.

  Returns:
    [n, P] in [-1, 1]; P is 0 without times.
  """
  if times is None:
    return np.zeros((num_rows, 0))
  # The waves that an hour has, whatever the distance of the rows.
  found, names = calendar.features(times, frequency.Frequency(3600, 's'))
  return found[:, [i for i, name in enumerate(names) if '_day_' in name]]


def read_series(
  config: Config, recording: recordings.Recording, scaling
) -> list[readings.Readings]:
  """The series as the network is trained on them."""
  found = []
  for s, values in enumerate(recording.series.targets):
    times = recording.times and recording.times[s]
    clock = clock_of(times, len(values))
    found.append(_read(scaling.apply(values, s), clock, config.horizon))
  return found


def _read(scaled, clock, horizon):
  """One series [n, D] that is scaled, with what the clock says [n, P]."""
  n, columns = scaled.shape
  room = ((0, horizon), (0, 0))
  values = squash(filling.fill(scaled)).astype(np.float32)
  return readings.Readings(
    values=np.pad(values, room),
    observed=np.pad(np.isfinite(scaled), room),
    past=np.pad(clock, room).astype(np.float32),
    known=np.zeros((n + horizon, 0), np.float32),
    ahead=np.zeros((n, horizon, 0), np.float32),
    # What the network adds to is the last value: a series that has moved to
    # where it never was before is expected to stay there.
    base=baselines.naive(values, horizon),
    static=np.zeros(0, np.float32),
    scale=np.ones(columns, np.float32),
  )


def make_model(config: Config, num_columns: int, num_clock: int):
  """The forecaster: its median of each of the next rows."""
  return models.Forecaster(
    horizon=config.horizon,
    num_columns=num_columns,
    head=_HEAD,
    recurrent=build.recurrent(config),
    widths=(num_clock, 0, 0),
  )


def make_batches(config: Config, read, part, shuffle: bool):
  """Batches of a part whose targets all lie in it, and how many hold it."""
  first, end = np.asarray(part).T
  windows = data.Windows(
    np.stack([np.maximum(first - 1, 0), end - 1], axis=1),
    config.batch_size,
    config.window,
    config.context,
    config.data_seed,
    shuffle=shuffle,
  )
  batches = data.forecast_batches(read, windows, part)
  return batches, windows.batches_per_epoch


def no_batches(config: Config, num_columns: int, num_clock: int):
  """Batches of nothing, for the shapes of a network that has been trained."""
  read = _read(
    np.zeros((2, num_columns)), np.zeros((2, num_clock)), config.horizon
  )
  return make_batches(config, [read], [[0, 2]], shuffle=False)[0]


def make_evaluate(config: Config, model, read, parts) -> Callable:
  """params -> the loss of the part to calibrate by."""
  task = models.forecaster.task(model)
  eval_step = training.make_eval_step(task)
  held_out = make_batches(config, read, parts.valid, shuffle=False)

  def evaluate(params) -> dict[str, float]:
    found = training.evaluate(task, eval_step, params, *held_out)
    return {f'valid/{name}': value for name, value in found.items()}

  return evaluate


def make_say(model: models.Forecaster) -> Callable:
  """The network row by row, whether they come one by one or all at once.

  Returns:
    (params, carry, values [n, D] scaled, missing [n, D], past [n, P]) -> carry
    and scaled forecasts [n, K, D] from each row, float64. Every row is computed
    by the same instructions, so it makes no difference how rows are divided up.
  """
  step = models.forecaster.step(model)
  horizon, columns = model.horizon, model.num_columns

  @functools.partial(jax.jit, donate_argnums=1)
  def read(params, carry, num_rows, values, missing, past):
    def one(t, state):
      carry, raw = state
      now = lambda x: jax.lax.dynamic_slice_in_dim(x, t, 1)[:, None]
      steps = steps_ahead.Steps(
        values=now(values),
        missing=now(missing),
        past=now(past),
        known=jnp.zeros((1, 1, horizon, 0)),
        base=jnp.repeat(now(values)[:, :, None], horizon, axis=2),
        static=jnp.zeros((1, 1, 0)),
        scale=jnp.ones((1, 1, columns)),
      )
      carry, found = step(params, carry, steps)
      return carry, jax.lax.dynamic_update_index_in_dim(raw, found[0], t, 0)

    raw = jnp.zeros((CHUNK_ROWS, horizon, columns, _HEAD.num_outputs))
    return jax.lax.fori_loop(0, num_rows, one, (carry, raw))

  def say(params, carry, values, *arrays):
    arrays = (squash(values), *arrays)
    found, num_rows = [np.zeros((0, horizon, columns))], len(values)
    for start in range(0, num_rows, CHUNK_ROWS):
      chunk = [x[start : start + CHUNK_ROWS] for x in arrays]
      n = len(chunk[0])
      padded = [
        np.pad(x, ((0, CHUNK_ROWS - n), (0, 0))).astype(np.float32)
        for x in chunk
      ]
      carry, raw = read(params, carry, np.int32(n), *padded)
      raw = np.asarray(raw)[:n]
      base = baselines.naive(padded[0][:n], horizon)
      found.append(unsquash(_HEAD.point(raw, base, np.ones_like(base))))
    return carry, np.concatenate(found)

  return say
