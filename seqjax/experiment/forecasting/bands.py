"""Bands about forecasts that hold what they promise."""

import pathlib

import numpy as np

from seqjax import array_files, conformal, errors
from seqjax.experiment.forecasting import backtest, forecaster

NAME = 'bands.safetensors'


def calibrate(
  config: forecaster.Config, held_out: backtest.Forecasts
) -> np.ndarray:
  """How far each band is widened, [bands, K, D], by what held it out.

  Infinite where too few forecasts are held out to say.
  """
  levels = config.levels
  corrections = np.empty((len(config.bands), *held_out.point.shape[1:]))
  for i, band in enumerate(config.bands):
    corrections[i] = conformal.widen(
      *band_of(held_out.quantiles, levels, band),
      held_out.targets,
      held_out.weights,
      band / 100,
    )
  return corrections


def notice(config: forecaster.Config, corrections) -> str:
  """A sentence on bands that could not be calibrated; '' where all were."""
  if corrections is None:
    return (
      'Bands are calibrated at the end of the training: these are as the '
      'network says.'
    )
  unknown = np.isinf(corrections).any(axis=(1, 2))
  which = [str(b) for b, no in zip(config.bands, unknown, strict=True) if no]
  if not which:
    return ''
  return (
    f'Too few forecasts are held out to calibrate bands of {", ".join(which)} '
    '%: they are as the network says. Give more --valid_rows.'
  )


def save(folder: pathlib.Path, corrections) -> None:
  """Writes them into the directory of a run."""
  array_files.write(folder / NAME, {'corrections': corrections}, {})


def remove(folder: pathlib.Path) -> None:
  """Those of an earlier step would be of other parameters."""
  (folder / NAME).unlink(missing_ok=True)


def load(folder: pathlib.Path) -> np.ndarray | None:
  """Reads what `save` wrote at the end of a training; None before it."""
  if not (folder / NAME).exists():
    return None
  arrays = array_files.read(folder / NAME).arrays
  if 'corrections' not in arrays or arrays['corrections'].ndim != 3:
    raise errors.UserError(
      f'{folder / NAME} is damaged: it holds no corrections of bands.'
    )
  return arrays['corrections']


def adjust(
  config: forecaster.Config, said: backtest.Forecasts, corrections
) -> backtest.Forecasts:
  """The forecasts with the bands that `calibrate` found.

  Further ahead than it was asked, the last row that it knows of stands.
  """
  if corrections is None:
    return said
  levels, quantiles = config.levels, said.quantiles.copy()
  leads = np.minimum(np.arange(quantiles.shape[1]), corrections.shape[1] - 1)
  corrections = corrections[:, leads]
  usable = np.where(np.isfinite(corrections), corrections, 0)
  for band, correction in zip(config.bands, usable, strict=True):
    lower, upper = conformal.apply(
      *band_of(said.quantiles, levels, band), correction
    )
    low, high = places(levels, band)
    # A band that is narrowed still holds its forecast.
    quantiles[..., low] = np.minimum(lower, said.point)
    quantiles[..., high] = np.maximum(upper, said.point)
  return said._replace(quantiles=np.sort(quantiles, axis=-1))


def places(levels, band: int) -> tuple[int, int]:
  """Where among the levels a band ends."""
  ends = (round(0.5 - band / 200, 4), round(0.5 + band / 200, 4))
  return tuple(levels.index(end) for end in ends)


def band_of(quantiles, levels, band: int):
  """Lower and upper end of a band."""
  return tuple(quantiles[..., place] for place in places(levels, band))
