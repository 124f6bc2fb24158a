"""Polyphonic music as piano rolls: which notes sound in which frame."""

import hashlib
import io
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data import batch as batch_lib
from seqjax.data import reading

# The keys of a piano: note k of a frame is MIDI note LOWEST + k, A0 to C8.
NUM_NOTES = 88
LOWEST = 21

PARTS = 'train', 'valid', 'test'


class PianoRolls(NamedTuple):
  """N pieces of one part, and what a run writes down to know them again."""

  pieces: tuple[np.ndarray, ...]  # [N] arrays [n, 88] uint8: 1 where it sounds
  name: str
  sha256: str  # of all notes and lengths


def collect(pieces: Iterable[np.ndarray], name: str) -> PianoRolls:
  """Puts pieces together, with their hash.

  Args:
    pieces: arrays [n, 88] of 0 and 1, n at least 2: one frame to read and one
      to predict.
    name: what the part is called in messages.

  Raises:
    UserError: there is no piece, or one has another shape or other values. It
      names the piece, counted from 1.

  Example:
    >>> part = collect([np.eye(3, 88)], 'three notes')
    >>> part.pieces[0].shape, part.pieces[0].dtype, part.sha256[:8]
    ((3, 88), dtype('uint8'), 'bbd2d59c')
  """
  pieces = tuple(
    _checked(piece, f'piece {number} of {name}')
    for number, piece in enumerate(pieces, 1)
  )
  if not pieces:
    raise errors.UserError(f'expected pieces of music, but {name} has none.')
  sha256 = hashlib.sha256(repr([len(piece) for piece in pieces]).encode())
  for piece in pieces:
    sha256.update(piece)
  return PianoRolls(pieces, name, sha256.hexdigest())


def mat_file(path: str | os.PathLike) -> dict[str, PianoRolls]:
  """Reads the parts 'train', 'valid' and 'test' of a MATLAB file.

  As in the data of Boulanger-Lewandowski et al. (2012) that Bai et al. (2018)
  use, JSB_Chorales.mat for example: the variables traindata, validdata and
  testdata are cell arrays, one matrix of frames by 88 notes for each piece.

  Args:
    path: the file, of MATLAB 5 (`save -v7`); .gz and .xz are opened.

  Raises:
    UserError: the file cannot be read (see `reading.read_bytes`) or is no
      MATLAB file, it lacks a variable, or a piece is not of 0 and 1 in 88
      columns.
  """
  from scipy import io as scipy_io

  content = reading.read_bytes(path)
  path = pathlib.Path(path)
  try:
    variables = scipy_io.loadmat(io.BytesIO(content))
  # The reader has no error of its own for a damaged file.
  except Exception as error:
    raise errors.UserError(
      f'expected a MATLAB file of version 5, but {path} is damaged or of '
      f'another kind ({error}): fetch it again, or save it with -v7.'
    ) from error
  found = {}
  for part in PARTS:
    name = f'{part}data'
    if name not in variables:
      known = [x for x in variables if not x.startswith('__')]
      raise errors.UserError(
        f'{path}: {errors.unknown("variable", name, known)} Expected '
        'traindata, validdata and testdata.'
      )
    cells = variables[name]
    if cells.dtype != object:
      raise errors.UserError(
        f'{path}: expected {name} as a cell array with a matrix for each '
        f'piece, got {" x ".join(map(str, cells.shape))} of {cells.dtype}.'
      )
    found[part] = collect(cells.ravel(), f'{path.name} {name}')
  return found


def transpose(piece: np.ndarray, semitones: int) -> np.ndarray:
  """The piece that many notes higher; as far as no note leaves the keyboard.

  Args:
    piece: [n, 88].
    semitones: below 0 moves down.

  Example:
    >>> np.flatnonzero(transpose(np.eye(1, 88), 3))
    array([3])
    >>> np.flatnonzero(transpose(np.eye(1, 88), -3))
    array([0])
  """
  notes = np.flatnonzero(piece.any(axis=0))
  if not notes.size:
    return piece
  semitones = np.clip(semitones, -notes[0], NUM_NOTES - 1 - notes[-1])
  return np.roll(piece, semitones, axis=1)


def excerpts(pieces: Iterable[np.ndarray], max_steps: int) -> list[np.ndarray]:
  """The pieces, in parts of which each has up to so many frames to predict.

  A part begins with the last frame of the one before it, so that every frame
  but the first of a piece is predicted once.

  >>> piece = np.eye(6, 88)
  >>> [part.argmax(axis=1).tolist() for part in excerpts([piece], 3)]
  [[0, 1, 2, 3], [3, 4, 5]]
  """
  return [
    piece[start : start + max_steps + 1]
    for piece in pieces
    for start in range(0, len(piece) - 1, max_steps)
  ]


def transposed(
  batches: Callable[[int], batch_lib.Batch], semitones: int, data_seed: int = 0
) -> Callable[[int], batch_lib.Batch]:
  """The same batches with every row moved up or down by chance.

  Args:
    batches: index -> Batch, of inputs and targets [T, B, 88].
    semitones: the most that a row is moved; all from that far down to that far
      up are equally likely. As far as no note leaves the keyboard.
    data_seed: another number, other moves.

  Returns:
    index -> Batch, which depends on nothing else.
  """

  def moved(index):
    batch = batches(index)
    rolls = np.concatenate([batch.inputs, batch.targets])
    # Not a Generator: NumPy may change what that draws.
    random = np.random.RandomState([data_seed, index, 1])
    moves = random.randint(-semitones, semitones + 1, rolls.shape[1])
    for row, move in enumerate(moves):
      rolls[:, row] = transpose(rolls[:, row], move)
    inputs, targets = np.split(rolls, 2)
    return batch._replace(inputs=inputs, targets=targets)

  return moved


def _checked(piece, place):
  piece = np.asarray(piece)
  is_numeric = piece.dtype.kind in 'biuf'
  if not is_numeric or piece.ndim != 2 or piece.shape[1] != NUM_NOTES:
    raise errors.UserError(
      f'{place}: expected frames of {NUM_NOTES} notes, a matrix n x '
      f'{NUM_NOTES}, got {" x ".join(map(str, piece.shape))} of {piece.dtype}.'
    )
  if len(piece) < 2:
    raise errors.UserError(
      f'{place}: expected at least 2 frames, one to read and one to predict, '
      f'got {len(piece)}.'
    )
  wrong = np.argwhere((piece != 0) & (piece != 1))
  if len(wrong):
    frame, note = wrong[0]
    raise errors.UserError(
      f'{place}: expected 0 or 1, got {piece[frame, note]} in frame '
      f'{frame + 1}, note {note + 1}.'
    )
  return np.ascontiguousarray(piece, np.uint8)
