"""A piano roll as a MIDI file, for players and notation programs."""

import io
import os

import numpy as np

from seqjax import errors, files
from seqjax.data.music import piano_rolls

_VELOCITY = 80  # of 127: how hard each key is struck
_BEATS_PER_MINUTE = 100
_TICKS_PER_FRAME = 120


def write(
  path: str | os.PathLike, roll: np.ndarray, steps_per_beat: int
) -> None:
  """Writes one track for a piano, at 100 beats per minute.

  A note that sounds in successive frames is one long note: a piano roll does
  not tell a note that is held from one that is struck again.

  Args:
    path: of the file, by custom with the ending .mid.
    roll: [n, 88], 1 where a note sounds.
    steps_per_beat: frames in a beat, 1 to 100.

  Raises:
    UserError: the package mido is missing.
  """
  mido = library()
  track = mido.MidiTrack()
  tempo = mido.bpm2tempo(_BEATS_PER_MINUTE)
  track.append(mido.MetaMessage('set_tempo', tempo=tempo))
  # 1 where a note begins, -1 where it ends, with silence before and after.
  changes = np.diff(np.pad(np.asarray(roll, np.int8), ((1, 1), (0, 0))), axis=0)
  last = 0
  for frame, change in enumerate(changes):
    for kind, sign in (('note_off', -1), ('note_on', 1)):
      for note in np.flatnonzero(change == sign):
        track.append(
          mido.Message(
            kind,
            note=piano_rolls.LOWEST + int(note),
            velocity=_VELOCITY,
            time=(frame - last) * _TICKS_PER_FRAME,
          )
        )
        last = frame
  # So that silence at the end is heard as well.
  rest = (len(roll) - last) * _TICKS_PER_FRAME
  track.append(mido.MetaMessage('end_of_track', time=rest))
  ticks_per_beat = steps_per_beat * _TICKS_PER_FRAME
  file = io.BytesIO()
  mido.MidiFile(ticks_per_beat=ticks_per_beat, tracks=[track]).save(file=file)
  files.atomic_write(path, file.getvalue())


def library():
  """The package mido, which not everybody needs.

  Raises:
    UserError: it is missing.
  """
  try:
    import mido
  except ImportError as error:
    raise errors.UserError(
      f'a MIDI file needs the package mido ({error}): pip install mido, or '
      'begin with SEQJAX_EXTRAS=music ./launch.sh.'
    ) from error
  return mido
