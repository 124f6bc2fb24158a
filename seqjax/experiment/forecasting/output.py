"""backtest.Forecasts as a person sees them: a figure's panel, and a table."""

import csv
import io
import pathlib

import numpy as np

from seqjax.data.timeseries import clock, readings
from seqjax.experiment import outputs
from seqjax.experiment.forecasting import backtest, bands, forecaster
from seqjax.report import figures, forecasts

# Series in the figure.
_SHOWN = 4


def draw(
  config: forecaster.Config,
  directory: pathlib.Path,
  prepared: forecaster.Data,
  said: dict[str, backtest.Forecasts],
) -> None:
  """Draws the last forecasts, the error by lead, and the learning curves.

  Args:
    config: of the experiment.
    directory: of the run.
    prepared: the series.
    said: by whom; 'network' first.
  """
  unit = {
    name: backtest.in_units(config, prepared, each)
    for name, each in said.items()
  }
  _draw_last(config, directory, prepared, unit['network'], 'forecast')
  forecasts.error_by_lead(
    directory,
    {name: backtest.by_lead(each) for name, each in unit.items()},
    metric='mae',
    step=str(prepared.series.frequency or ''),
  )
  figures.learning_curves(directory, metric='mae', clip_norm=config.clip_norm)


def draw_ahead(
  config: forecaster.Config,
  directory: pathlib.Path,
  prepared: forecaster.Data,
  said: backtest.Forecasts,
) -> None:
  """Draws forecasts of rows to come, figures/ahead.png in the directory."""
  unit = backtest.in_units(config, prepared, said)
  _draw_last(config, directory, prepared, unit, 'ahead')


def _draw_last(config, directory, prepared, unit, name):
  """The last forecast of the first series."""
  last = [
    np.flatnonzero(unit.series == s)[-1]
    for s in np.unique(unit.series)[:_SHOWN]
  ]
  panels = [panel(config, prepared, unit, n) for n in last]
  forecasts.forecast_figure(directory, panels, name)


def panel(config, prepared: forecaster.Data, said: backtest.Forecasts, n: int):
  """Forecast n in units, its first column, after a horizon or two of truth."""
  series = prepared.series
  s, row, horizon = said.series[n], said.rows[n], said.point.shape[1]
  start = max(row - 2 * horizon, 0)
  times = readings.times_ahead(series, s, row + horizon + 1)[start:]
  ahead = slice(row + 1 - start, None)
  blank = np.full(len(times), np.nan)

  def later(values):
    line = blank.copy()
    line[ahead] = values
    return line

  truth = blank.copy()
  known = series.targets[s][start : row + horizon + 1, 0]
  truth[: len(known)] = known
  by_share = {
    band / 100: tuple(
      later(end[n, :, 0])
      for end in bands.band_of(said.quantiles, config.levels, band)
    )
    for band in config.bands
  }
  return forecasts.Panel(
    title=series.names[s] or series.name,
    times=times,
    truth=truth,
    point=later(said.point[n, :, 0]),
    bands=by_share,
    origins=[times[row - start]],
    label=series.columns.targets[0],
  )


def write(
  config: forecaster.Config,
  prepared: forecaster.Data,
  said: backtest.Forecasts,
  horizon: int,
  path: pathlib.Path,
) -> None:
  """Writes forecasts as CSV, a row for each series and time."""
  series = prepared.series
  unit = backtest.in_units(config, prepared, said)
  columns = []
  for name in series.columns.targets:
    columns += [name] + [
      f'{name}_{end}_{band}' for band in config.bands for end in ('low', 'high')
    ]
  text = io.StringIO()
  table = csv.writer(text, lineterminator='\n')
  several = len(series.names) > 1
  table.writerow(['series'] * several + ['time', *columns])
  for n, (s, row) in enumerate(zip(unit.series, unit.rows, strict=True)):
    times = readings.times_ahead(series, s, row + 1 + horizon)[row + 1 :]
    for k, time in enumerate(_written(times)):
      cells = []
      for d in range(unit.point.shape[2]):
        digits = _digits(series.targets[s][:, d])
        numbers = [unit.point[n, k, d]]
        for band in config.bands:
          ends = bands.band_of(unit.quantiles, config.levels, band)
          numbers += [end[n, k, d] for end in ends]
        cells += [f'{number:.{digits}f}' for number in numbers]
      table.writerow([series.names[s]] * several + [time, *cells])
  outputs.write(path, text.getvalue())


def _written(times) -> list[str]:
  """Dates alone where no time is at another hour than midnight."""
  if times.dtype.kind != 'M':
    return [str(time) for time in times]
  if (times == times.astype('M8[D]')).all():
    return np.datetime_as_string(times, unit='D').tolist()
  return clock.written(times)


def _digits(values) -> int:
  """After the point: to a ten-thousandth of how far the values vary."""
  varies = np.nanstd(values)
  return int(np.clip(4 - np.floor(np.log10(varies)), 0, 12)) if varies else 6
