"""Forecasts from many origins, their bands, and how far they were off."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from seqjax import data, metrics, models
from seqjax.experiment.forecasting import forecaster

# Origins whose paths are drawn at once.
_ORIGINS = 128


class Forecasts(NamedTuple):
  """What was said from N origins, and what came; scaled."""

  series: np.ndarray  # [N]
  rows: np.ndarray  # [N], the origins: the last rows that were read
  targets: np.ndarray  # [N, K, D]
  weights: np.ndarray  # [N, K, D], 1 where a target was observed
  point: np.ndarray  # [N, K, D]
  quantiles: np.ndarray | None  # [N, K, D, Q]


def forecast(
  config: forecaster.Config,
  say: Callable,
  params,
  prepared: forecaster.Data,
  origins,
  every=1,
) -> Forecasts:
  """Forecasts from all origins of some ranges.

  Args:
    config: of the experiment.
    say: (params, batch, t, b, series, rows), all [N] -> point [N, K, D] and
      quantiles [N, K, D, Q] from step t of row b of a batch, which is that row
      of that series.
    params: of the model.
    prepared: the series.
    origins: [S, 2] first and end of the origins of each series.
    every: rows between two origins that are taken.
  """
  windows = data.Windows(
    origins,
    config.eval_batch_size,
    config.window,
    config.context,
    shuffle=False,
  )
  # A target is whatever was observed.
  everything = np.array([[0, 2**31]] * len(prepared.readings))
  batches = data.forecast_batches(prepared.readings, windows, everything)
  found = []
  for index in range(windows.batches_per_epoch):
    window, batch = windows(index), batches(index)
    first = np.asarray(origins)[window.series, 0]
    picked = window.scored & ((window.rows - first) % every == 0)
    t, b = np.nonzero(picked)
    if not t.size:
      continue
    series, rows = window.series[b], window.rows[t, b]
    point, quantiles = say(params, batch, t, b, series, rows)
    found.append(
      Forecasts(
        series,
        rows,
        batch.targets[t, b],
        batch.weights[t, b],
        point,
        quantiles,
      )
    )
  every_one = Forecasts(*(np.concatenate(x) for x in zip(*found, strict=True)))
  order = np.lexsort((every_one.rows, every_one.series))
  return Forecasts(*(x[order] for x in every_one))


def direct(config: forecaster.Config, model: models.Forecaster) -> Callable:
  """What `forecast` asks, of a model that says all steps ahead at once."""
  read = jax.jit(models.forecaster.read(model))
  head = model.head

  def say(params, batch, t, b, series, rows):
    del series, rows  # What is said depends on what was read alone.
    raw = np.asarray(read(params, batch)[0])[t, b]
    base, scale = batch.inputs.base[t, b], batch.inputs.scale[t, b][:, None]
    scale = np.broadcast_to(scale, base.shape)
    point = head.point(raw, base, scale)
    if head.quantiles is None:  # Bands of no width, for `calibrate` to widen.
      return point, np.repeat(point[..., None], len(config.levels), axis=-1)
    return point, head.quantiles(raw, base, scale, config.levels)

  return say


def sampled(
  config: forecaster.Config,
  model: models.Forecaster,
  num_paths: int,
  seed: int,
) -> Callable:
  """What `forecast` asks, of a model that says one step ahead: drawn paths.

  The draws from an origin depend on the seed and the origin alone.
  """
  read = jax.jit(models.forecaster.read(model))
  draw = models.forecaster.paths(model, num_paths)

  @jax.jit
  def some(params, batch, raw, carries, t, b, series, rows):
    fold_in = jax.vmap(jax.random.fold_in, in_axes=(None, 0))
    of_series = fold_in(jax.random.key(seed), series)
    keys = jax.vmap(jax.random.fold_in)(of_series, rows)
    ahead = jax.tree.map(lambda x: x[t, b][None], batch.inputs)
    carry = jax.tree.map(lambda x: x[t, b], carries)
    return draw(params, raw[t, b], carry, ahead, keys)

  def say(params, batch, t, b, series, rows):
    inputs = jax.tree.map(jax.numpy.asarray, batch.inputs)
    batch = batch._replace(inputs=inputs)
    nearest = inputs._replace(
      known=inputs.known[:, :, :1], base=inputs.base[:, :, :1]
    )
    raw, carries = read(params, batch._replace(inputs=nearest))
    drawn = []
    for start in range(0, len(t), _ORIGINS):
      # Always as many, so that it is compiled once.
      ids = np.arange(start, start + _ORIGINS) % len(t)
      at = (x[ids].astype(np.int32) for x in (t, b, series, rows))
      drawn.append(np.asarray(some(params, batch, raw, carries, *at)))
    drawn = np.concatenate(drawn)[: len(t)].astype(np.float64)
    found = np.quantile(drawn, config.levels, axis=-1)
    return drawn.mean(axis=-1), np.moveaxis(found, 0, -1)

  return say


def of_part(part, horizon: int) -> np.ndarray:
  """The origins [S, 2] whose forecasts lie within a part."""
  first, end = np.asarray(part).T
  return np.stack([first - 1, end - horizon], axis=1)


def measure(
  config: forecaster.Config, prepared: forecaster.Data, parts, said: Forecasts
) -> dict[str, float]:
  """How far off, in the units of the targets, and how often bands held.

  `mse_scaled` is the one number in scaled units.
  """
  scaled = metrics.forecasts(said.targets, said.point, said.weights)
  scales = np.stack(
    [
      metrics.mase_scale(y[:end], prepared.fitted.seasons[0])
      for y, (_, end) in zip(prepared.series.targets, parts.train, strict=True)
    ]
  )
  unit = in_units(config, prepared, said)
  found = metrics.forecasts(
    unit.targets,
    unit.point,
    unit.weights,
    quantiles=unit.quantiles,
    levels=() if unit.quantiles is None else config.levels,
    scales=scales[said.series][:, None],
  )
  return found | {'mse_scaled': scaled['rmse'] ** 2}


def in_units(
  config: forecaster.Config, prepared: forecaster.Data, said: Forecasts
) -> Forecasts:
  """The same forecasts in the units of the targets.

  What was the mean of a logarithm becomes a median.
  """
  series = said.series[:, None]

  def invert(values):
    found = prepared.fitted.scalings.targets.invert(values, series)
    if config.head == 'negative_binomial':
      return np.maximum(found, 0)  # A wider band is still of counts.
    return np.exp(found) if config.log else found

  quantiles = said.quantiles
  if quantiles is not None:
    each = np.moveaxis(quantiles, -1, 0)
    quantiles = np.stack([invert(values) for values in each], axis=-1)
  return said._replace(
    targets=invert(said.targets),
    point=invert(said.point),
    quantiles=quantiles,
  )


def simple(
  config: forecaster.Config, prepared: forecaster.Data, said: Forecasts
) -> dict[str, Forecasts]:
  """The forecasts of every baseline from the same origins, without bands."""
  found = {}
  for name, (base, seasons) in _simple_names(prepared.fitted.seasons).items():
    point = np.empty(said.point.shape)
    for s in range(len(prepared.filled)):
      of_s = said.series == s
      every = forecaster.simple_forecasts(
        prepared, s, base, config.horizon, seasons
      )
      point[of_s] = every[said.rows[of_s]]
    found[name] = said._replace(point=point, quantiles=None)
  return found


def _simple_names(seasons):
  """What is shown -> its base, and after how many rows a season returns."""
  several = [(season,) for season in seasons if season > 1]
  if len(several) > 1:
    several.append(tuple(seasons))
  seasonal = {
    f'season {"+".join(map(str, some))}': ('seasonal_naive', some)
    for some in several
  }
  return {'naive': ('naive', ()), **seasonal, 'ridge': ('ridge', ())}


def by_lead(said: Forecasts) -> np.ndarray:
  """The mean absolute error [K] by how far ahead, NaN where nothing came."""
  wrong = np.where(said.weights > 0, np.abs(said.point - said.targets), 0)
  count = said.weights.sum(axis=(0, 2))
  total = wrong.sum(axis=(0, 2))
  return np.where(count > 0, total / np.maximum(count, 1), np.nan)
