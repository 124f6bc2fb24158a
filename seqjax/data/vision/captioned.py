"""Pictures and what they show, in one or several sentences each."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data import batch, buckets, labelled, pairs, reading, splits, tables
from seqjax.data.vision import pictures as picture_files


class Captioned(NamedTuple):
  """N pictures of one size, each with its captions."""

  pictures: np.ndarray  # [N, H, W, C] uint8, C is 1 (grey) or 3 (coloured)
  captions: tuple[tuple[str, ...], ...]  # [N], at least one each
  names: tuple[str, ...]  # [N]
  name: str
  sha256: str  # of pixels and captions
  notes: tuple[str, ...] = ()  # sentences on what was converted or left out
  # [N] dicts, the place of a word in the first caption -> the top, left, bottom
  # and right pixel of what it names; () where that is not known.
  boxes: tuple[Mapping[int, tuple[int, int, int, int]], ...] = ()


class Pictured(NamedTuple):
  """What is looked at, and what a decoder reads of what it writes."""

  pictures: Any  # [B, H, W, C] uint8
  written: Any  # [T, B] int32, as in `pairs.Pair`
  without_time = ('pictures',)


def collect(
  pictures: np.ndarray,
  captions: Iterable[Iterable[str]],
  names: Iterable[str],
  name: str,
  notes: Iterable[str] = (),
  boxes: Iterable[Mapping] = (),
) -> Captioned:
  """Puts pictures and captions together, with their hash.

  Example:
    >>> one = np.zeros((1, 2, 2, 3), np.uint8)
    >>> collect(one, [['Night.', 'A cat.']], ['a.png'], 'one').sha256[:8]
    '526dc7e9'
  """
  captions = tuple(map(tuple, captions))
  sha256 = hashlib.sha256(json.dumps([pictures.shape, captions]).encode())
  sha256.update(np.ascontiguousarray(pictures))
  return Captioned(
    pictures,
    captions,
    tuple(names),
    name,
    sha256.hexdigest(),
    tuple(notes),
    tuple(boxes),
  )


def take(whole: Captioned, ids: Sequence[int], name: str) -> Captioned:
  """Some of the pictures with their captions, under a name of their own."""
  columns = whole.captions, whole.names
  chosen = ([column[i] for i in ids] for column in columns)
  return collect(whole.pictures[ids], *chosen, name)


def hold_out(
  whole: Captioned, fraction: float, data_seed: int = 0
) -> tuple[Captioned, Captioned]:
  """Some pictures to learn from, and a share of them held out.

  Raises:
    UserError: there are too few to hold one out.
  """
  # Pictures have no class of which each part should have its share.
  alike = np.zeros(len(whole.names), int)
  ids = splits.hold_out(alike, fraction, data_seed)
  rest, held_out = (take(whole, chosen, whole.name) for chosen in ids)
  return rest._replace(notes=whole.notes), held_out


def read(
  source: str | os.PathLike, captions_files: Mapping[str, str], size: int
) -> dict[str, Captioned]:
  """Reads captions, and the pictures that they are of.

  A table of captions has the columns `image` and `caption`, and a row for each
  caption; see `tables.table`. A .txt is read as a .csv: so comes Flickr8k, a
  folder of images with a `captions.txt`.

  Grey pictures among coloured ones, of whichever part, become coloured. What
  was done to pictures is counted in the notes.

  Args:
    source: of the pictures, as for `pictures.shelf`.
    captions_files: part -> its table.
    size: pixels of each side, to which pictures are scaled.

  Returns:
    The parts, the pictures of each in natural order of their names.

  Raises:
    UserError: as `tables.table`, `pictures.shelf` and `pictures.read`; a
      caption is empty, or of a picture that there is not; or two parts have a
      picture in common.
  """
  shelf = picture_files.shelf(source)
  captions = {
    part: _captions(path, shelf) for part, path in captions_files.items()
  }
  _check_apart(captions)
  seen = {
    part: {name: shelf.read(name, size) for name in found}
    for part, found in captions.items()
  }
  colours = max(
    x.pixels.shape[-1] for each in seen.values() for x in each.values()
  )
  found = {}
  for part, path in captions_files.items():
    pictures = {
      name: _coloured(picture, colours) for name, picture in seen[part].items()
    }
    notes = picture_files.notes(pictures, f' of {part}')
    if not found:
      notes += _without_caption(shelf, captions)
    found[part] = collect(
      np.stack([picture.pixels for picture in pictures.values()]),
      captions[part].values(),
      captions[part],
      os.path.basename(path),
      notes,
    )
  return found


def caption_batches(
  pictures: np.ndarray,
  owners: Sequence[int],
  targets: Sequence[np.ndarray],
  end: int,
  plan: buckets.Buckets,
) -> Callable[[int], batch.Batch]:
  """Batches of captions, each beside its picture.

  Args:
    pictures: [N, H, W, C] uint8.
    owners: [M] which picture each caption is of.
    targets: M arrays [n] int32, the captions.
    end: id of the symbol that ends what is written, and begins it.
    plan: made of the lengths of the captions, the end included.

  Returns:
    index -> Batch, its inputs `Pictured`, all else [T, B]. The picture of a
    filler row is black.
  """
  owners = np.asarray(owners)

  def batches(index):
    length, ids = plan.rows(index)
    written, answers, mask = pairs.write(targets, ids, length, end)
    seen = pick(pictures, np.where(ids < 0, -1, owners[ids]))
    resets = np.zeros_like(mask)
    resets[0] = True
    return batch.Batch(
      inputs=Pictured(seen, written),
      targets=answers,
      mask=mask,
      weights=mask.astype(np.float32),
      resets=resets,
    )

  return batches


def pick(pictures: np.ndarray, ids: np.ndarray) -> np.ndarray:
  """Some of the pictures, a black one where the id is negative."""
  chosen = pictures[ids]
  chosen[ids < 0] = 0
  return chosen


def _captions(path, shelf):
  """name of a picture -> its captions, in natural order of the names."""
  ending = '.csv' if reading.suffix(path) == '.txt' else None
  table = tables.table(path, 'caption', 'image', ending)
  found, missing = {}, []
  for text, name, place in zip(*table[:3], strict=True):
    if not text.strip():
      raise errors.UserError(f'{place}: expected a caption, but it is empty.')
    if name not in shelf.names:
      missing.append((place, name))
    found.setdefault(name, []).append(text)
  if missing:
    place, name = missing[0]
    raise errors.UserError(
      f'{path}: {len(missing):,} of {len(table.texts):,} captions are of '
      f'pictures that {shelf.path} does not have; the first, of {name}, stands '
      f'in {place}.'
    )
  return {name: found[name] for name in labelled.natural_order(found)}


def _check_apart(captions):
  part_of = {}
  for part, found in captions.items():
    if common := [name for name in found if name in part_of]:
      raise errors.UserError(
        f'expected each picture in one part only, but {len(common):,} of '
        f'{part} are in {part_of[common[0]]} as well; the first is '
        f'{common[0]}.'
      )
    part_of |= dict.fromkeys(found, part)


def _coloured(picture, colours):
  if picture.pixels.shape[-1] == colours:
    return picture
  return picture_files.Picture(
    np.repeat(picture.pixels, colours, axis=-1),
    picture.remarks | {'grey among coloured ones, read as coloured': ''},
  )


def _without_caption(shelf, captions):
  unused = shelf.names.difference(*captions.values())
  if not unused:
    return []
  first = labelled.natural_order(unused)[0]
  return [
    f'Pictures of {shelf.path} without a caption, left out: {len(unused):,}, '
    f'the first {first}.'
  ]
