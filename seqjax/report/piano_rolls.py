"""Pieces of music as pictures: time to the right, pitch upwards."""

import pathlib

import numpy as np

from seqjax.data.music import piano_rolls


def draw(path, rolls: dict[str, np.ndarray], given: int = 0) -> None:
  """Draws piano rolls one above the other, over the same frames and notes.

  Args:
    path: of the figure.
    rolls: title -> [n, 88], 1 where a note sounds.
    given: frames at the start that are marked, because a sample was given them.
  """
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  fig = figure.Figure(figsize=(10, 3 * len(rolls)), layout='constrained')
  panels = fig.subplots(len(rolls), 1, sharex=True, sharey=True, squeeze=False)
  used = np.flatnonzero(np.concatenate(list(rolls.values())).any(axis=0))
  low, high = (used[0], used[-1]) if used.size else (0, piano_rolls.NUM_NOTES)
  octaves = np.arange(24 - piano_rolls.LOWEST, piano_rolls.NUM_NOTES, 12)
  for axes, (title, roll) in zip(panels[:, 0], rolls.items(), strict=True):
    axes.imshow(
      np.ma.masked_equal(np.asarray(roll).T, 0),  # Silence is transparent,
      zorder=2,  # and notes hide the lines of the octaves.
      cmap='Blues',
      vmin=0,
      vmax=1.2,
      origin='lower',
      aspect='auto',
      interpolation='nearest',
      extent=(0, len(roll), -0.5, piano_rolls.NUM_NOTES - 0.5),
    )
    axes.set_title(title)
    axes.set_ylabel('note')
    axes.set_yticks(octaves, [f'C{n}' for n in range(1, len(octaves) + 1)])
    axes.grid(axis='y', color='0.85', linewidth=0.5)
    if given:
      axes.axvline(given, color='C3', linewidth=1)
  axes.set_xlim(0, max(map(len, rolls.values())))
  axes.set_ylim(low - 1.5, high + 1.5)
  axes.set_xlabel('frame')
  path = pathlib.Path(path)
  path.parent.mkdir(exist_ok=True)
  fig.savefig(path, dpi=120)
