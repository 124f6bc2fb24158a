"""Figures from what a run wrote."""

import pathlib

import numpy as np

from seqjax.training import logs

# In a confusion matrix; the names and numbers of more nobody reads.
_MOST_LABELS = 30


def learning_curves(
  directory,
  *,
  metric: str,
  baselines: dict[str, float] | None = None,
  clip_norm: float = 0.0,
) -> pathlib.Path:
  """Draws loss and gradient norm over the steps of a run.

  Args:
    directory: of the run; reads its metrics.jsonl.
    metric: its name without the split, e.g. 'bits_per_char'.
    baselines: name -> value of the metric, drawn as horizontal lines.
    clip_norm: drawn in the panel of the gradient norm; 0 draws nothing.

  Returns:
    The path of the figure, figures/learning_curves.png in the directory.
  """
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  directory = pathlib.Path(directory)
  records = logs.read_metrics(directory / 'metrics.jsonl')
  fig = figure.Figure(figsize=(8, 6), layout='constrained')
  loss, norm = fig.subplots(2, 1, sharex=True, height_ratios=(2, 1))

  steps, values = _series(records, f'train/{metric}')
  if len(values):  # Some metrics are of what is held out alone.
    loss.plot(steps, values, color='C0', alpha=0.3, linewidth=0.6)
    loss.plot(steps, _smooth(values), color='C0', label='train')
  steps, values = _series(records, f'valid/{metric}')
  loss.plot(steps, values, 'o-', color='C1', markersize=3, label='valid')
  for name, value in (baselines or {}).items():
    loss.axhline(value, color='0.6', linewidth=0.8, linestyle=':')
    loss.annotate(
      name,
      (1, value),
      xycoords=('axes fraction', 'data'),
      fontsize=8,
      color='0.4',
      va='center',
    )
  loss.set_title(directory.resolve().name)
  loss.set_ylabel(metric.replace('_', ' '))
  loss.legend(loc='best')

  steps, values = _series(records, 'train/grad_norm')
  norm.plot(steps, values, color='C2', linewidth=0.6)
  if (values > 0).any():  # Nothing else has a place on a logarithmic axis.
    norm.set_yscale('log')
  if clip_norm:
    norm.axhline(clip_norm, color='C3', linewidth=0.8, label='clip norm')
    norm.legend(loc='upper right')
  norm.set_ylabel('gradient norm')
  norm.set_xlabel('step')

  return save(fig, directory, 'learning_curves')


def confusion_matrix(directory, names, counts) -> pathlib.Path:
  """Draws how often each label was taken for which.

  Args:
    directory: of the run.
    names: of the K labels.
    counts: [K, K] integers, true label by predicted label.

  Returns:
    The path of the figure, figures/confusion.png in the directory.
  """
  from matplotlib import figure

  counts = np.asarray(counts)
  readable = len(names) <= _MOST_LABELS
  size = 2.5 + 0.45 * min(len(names), _MOST_LABELS)
  fig = figure.Figure(figsize=(size + 0.5, size), layout='constrained')
  axes = fig.subplots()
  # Shares of the true label, so that a rare one can be read as well.
  shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
  axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
  if readable:
    for (row, column), count in np.ndenumerate(counts):
      axes.text(
        column,
        row,
        f'{count:,}',
        ha='center',
        va='center',
        fontsize=8,
        color='white' if shares[row, column] > 0.6 else 'black',
      )
    shown = [drawable(name) for name in names]
    axes.set_xticks(range(len(names)), shown, rotation=45, ha='right')
    axes.set_yticks(range(len(names)), shown)
  axes.set_xlabel('predicted')
  axes.set_ylabel('true')
  return save(fig, directory, 'confusion')


def label_times(axes, times, unit: str) -> None:
  """Labels the x axis: dates where times are any, else their unit."""
  from matplotlib import dates

  if not np.issubdtype(np.asarray(times).dtype, np.datetime64):
    axes.set_xlabel(unit)
    return
  locator = dates.AutoDateLocator()
  axes.xaxis.set_major_locator(locator)
  axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def save(fig, directory, name: str) -> pathlib.Path:
  """Writes a figure to figures/<name>.png in the directory of a run."""
  path = pathlib.Path(directory) / 'figures' / f'{name}.png'
  path.parent.mkdir(exist_ok=True)
  fig.savefig(path, dpi=120)
  return path


def drawable(name: str, longest: int = 20) -> str:
  """The beginning of a name, without what would stop or mislead the drawing.

  What the font of figures does not have stands as in '\\u732b'.
  """
  from matplotlib import font_manager

  path = font_manager.findfont(font_manager.FontProperties())
  font = font_manager.get_font(path)
  # Before it is cut: what stands for a character is longer.
  name = ''.join(
    c if c.isprintable() and font.get_char_index(ord(c)) else ascii(c)[1:-1]
    for c in name[: longest + 1]
  )
  if len(name) > longest:
    name = f'{name[: longest - 1]}…'
  return name.replace('$', r'\$')  # It would begin a formula.


def _series(records, name):
  """Steps and values of the records that hold a metric."""
  found = [(r['step'], r[name]) for r in records if name in r]
  steps, values = zip(*found, strict=True) if found else ((), ())
  return np.array(steps), np.array(values)


def _smooth(values, window: int = 25):
  """Mean of the finite ones among the last `window` values; NaN if none is."""
  finite = np.isfinite(values)
  ends = np.arange(1, len(values) + 1)
  starts = np.maximum(ends - window, 0)
  sums, counts = (
    np.cumsum(np.insert(x, 0, 0.0))
    for x in (np.where(finite, values, 0), finite.astype(float))
  )
  counts = counts[ends] - counts[starts]
  return np.where(
    counts > 0, (sums[ends] - sums[starts]) / np.maximum(counts, 1), np.nan
  )
