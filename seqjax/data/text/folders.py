"""Labelled texts as a folder per label, such as aclImdb."""

import os
import pathlib

from seqjax import errors
from seqjax.data import labelled, reading

# Where aclImdb keeps its texts without a label.
_UNLABELLED = 'unsup'
_SHOWN_NAMES = 3


def class_folders(path: str | os.PathLike) -> labelled.Labelled:
  """Reads `path`/<label>/<any name>.txt, a text per file.

  Labels and files come in natural order of their names; .txt.gz and .txt.xz are
  opened, and a text may be empty. The folder 'unsup' of aclImdb has no label
  and is left out. What else is left out, `notes` says: files beside the
  folders, files of other endings, folders that hold no text.

  Args:
    path: the folder above the labels' folders, such as aclImdb/train.

  Raises:
    UserError: it is missing or no folder; fewer than two of its folders hold
      texts; one of them holds folders as well, or a link leads out of `path`; a
      file cannot be read (see `reading.read_bytes`) or is not UTF-8.

  Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...   for name in 'pos/1.txt', 'neg/1.txt', 'neg/2.txt':
    ...     file = pathlib.Path(folder, name)
    ...     file.parent.mkdir(exist_ok=True)
    ...     _ = file.write_text(f'The text of {name}.')
    ...   train = class_folders(folder)
    >>> train.labels, train.places[0]
    (('neg', 'neg', 'pos'), 'neg/1.txt')
  """
  root = pathlib.Path(os.path.expanduser(path))
  folders, files = _entries(root, root)
  notes = []
  if files:
    notes.append(f'Left out of {root}, beside the folders: {_named(files)}.')
  texts, labels, places = [], [], []
  for label in folders:
    inner, files = _entries(root / label, root)
    names = [name for name in files if reading.suffix(name) == '.txt']
    if label == _UNLABELLED:
      notes.append(
        f'Left out {root / label}, which has no label: {len(names)} texts.'
      )
    elif not names:
      notes.append(f'Left out {root / label}: it holds no .txt file.')
    elif inner:
      raise errors.UserError(
        f'expected only texts in {root / label}, the folder of a label, but '
        f'it holds the folder {inner[0]}: name the folder right above the '
        'labels, or move that one away.'
      )
    else:
      others = [name for name in files if reading.suffix(name) != '.txt']
      if others:
        notes.append(
          f'Left out of {root / label}, because only .txt files are texts: '
          f'{_named(others)}.'
        )
      for name in names:
        file = root / label / name
        texts.append(reading.decode(reading.read_bytes(file), file))
        labels.append(label)
        places.append(f'{label}/{name}')
  found = labelled.natural_order(set(labels))
  if len(found) < 2:
    problem = (
      'expected a folder of .txt files for each of at least two labels in '
      f'{root}, found {_named(found) or "none"}.'
    )
    raise errors.UserError(' '.join([problem, *notes]))
  name = os.path.basename(os.path.abspath(root))
  return labelled.collect(texts, labels, places, name, notes)


def _entries(folder, root):
  """The names of the folders in a folder, and those of everything else."""
  inside = pathlib.Path(os.path.realpath(root))
  folders, others = [], []
  try:
    with os.scandir(folder) as entries:
      for entry in entries:
        if entry.is_symlink():
          target = pathlib.Path(os.path.realpath(entry.path))
          if not target.is_relative_to(inside):
            raise errors.UserError(
              f'expected all texts within {root}, but {entry.path} is a link '
              f'to {target}: put a copy there instead.'
            )
        (folders if entry.is_dir() else others).append(entry.name)
  except FileNotFoundError as error:
    raise errors.UserError(
      f'expected a folder, but {folder} does not exist'
      f'{reading.why_missing(folder)}'
    ) from error
  except OSError as error:
    raise errors.UserError(
      f'expected a folder that can be read, but {folder} cannot: '
      f'{error.strerror or error}.'
    ) from error
  return labelled.natural_order(folders), labelled.natural_order(others)


def _named(names):
  shown = ', '.join(names[:_SHOWN_NAMES])
  rest = len(names) - _SHOWN_NAMES
  return f'{shown} and {rest} more' if rest > 0 else shown
