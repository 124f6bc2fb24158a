"""Data sets that tensorflow_datasets has prepared, read without TensorFlow."""

import json
import os
import pathlib
import re
from typing import Any, NamedTuple

from seqjax import errors

READABLE = 'array_record'
_NAME = re.compile(r'(\w+)(?:/([\w.+-]+))?(?::(\d+\.\d+\.\d+))?')
_VERSION = re.compile(r'\d+\.\d+\.\d+')


class Prepared(NamedTuple):
  """Where a data set stands, and how its examples are written there."""

  path: pathlib.Path
  file_format: str  # 'array_record' can be read; 'tfrecord' needs TensorFlow


def find(data_dir: pathlib.Path, name: str) -> Prepared | None:
  """The newest version of a data set under `data_dir`, or None.

  Args:
    data_dir: as tfds lays it out: NAME/VERSION or NAME/CONFIG/VERSION.
    name: as in 'mnist', 'glue/sst2' or 'imdb_reviews/plain_text:1.0.0'.

  Raises:
    UserError: `name` is none, or leaves several configurations to choose from.
  """
  match = _NAME.fullmatch(name)
  if not match:
    raise errors.UserError(
      f'expected the name of a data set, as in mnist, glue/sst2 or '
      f'mnist:3.0.1, got {name!r}.'
    )
  dataset, config, version = match.groups()
  root = data_dir / dataset
  infos = [
    info
    for pattern in ('*', '*/*')
    for info in root.glob(f'{pattern}/dataset_info.json')
    if _VERSION.fullmatch(info.parent.name)
    and config in (None, info.parent.parent.name)
    and version in (None, info.parent.name)
  ]
  folders = sorted({info.parent.parent for info in infos})
  if len(folders) > 1:
    names = ', '.join(f'{dataset}/{x.name}' for x in folders if x != root)
    raise errors.UserError(
      f'{root} holds several configurations of {dataset}: choose one of '
      f'{names}.'
    )
  if not infos:
    return None
  newest = max(infos, key=_version)
  try:
    file_format = json.loads(newest.read_text('utf-8')).get('fileFormat')
  except (ValueError, AttributeError) as error:
    raise _damaged(newest, error) from error
  return Prepared(newest.parent, file_format or 'tfrecord')


def how_to(name: str, data_dir: str | os.PathLike) -> str:
  """What to do so that `name` can be read from `data_dir`."""
  return (
    f'run tfds build {name} --file_format={READABLE} on a machine with '
    f'TensorFlow, and copy {name.split("/")[0].split(":")[0]} from its data '
    f'directory to {data_dir}'
  )


def builder(path: pathlib.Path) -> Any:
  """The tfds builder of a data set prepared as array_record.

  Raises:
    UserError: a file that describes the data set is missing or damaged.
  """
  import tensorflow_datasets

  try:
    return tensorflow_datasets.builder_from_directory(path)
  except Exception as error:  # Of any type: of JSON, of protobuf, of files.
    raise _damaged(path, error) from error


def key(builder: Any, kind: str, key: str = '') -> str:
  """The name of a feature of some kind, which must be one or be named.

  Args:
    builder: of the data set.
    kind: the class of the feature: 'Text', 'ClassLabel' or 'Image'.
    key: its name, where there are several.
  """
  kinds = {k: type(x).__name__ for k, x in builder.info.features.items()}
  found = [k for k in kinds if kinds[k] == kind]
  if key and key not in found:
    raise errors.unknown(f'{kind} of {builder.info.name}', key, found)
  if not key and len(found) != 1:
    listed = ', '.join(f'{k} ({kinds[k]})' for k in kinds)
    raise errors.UserError(
      f'expected one feature of kind {kind} in {builder.info.name}, but it has '
      f'{len(found)} among {listed}' + (': name one.' if found else '.')
    )
  return key or found[0]


def examples(builder: Any, split: str) -> list[dict[str, Any]]:
  """The examples of a split, in the order in which they are stored.

  Raises:
    UserError: there is no such split, or its files are missing or damaged.
  """
  known = list(builder.info.splits)
  if split not in known:
    raise errors.unknown(f'split of {builder.info.name}', split, known)
  try:
    found = list(builder.as_data_source(split))
  except RuntimeError as error:
    raise _damaged(builder.data_path, error) from error
  # What the reader gives, without a word, for a file that is cut short.
  if any(value is None for example in found for value in example.values()):
    raise _damaged(builder.data_path, f'a file of {split} is cut short')
  return found


def _damaged(path, reason):
  return errors.UserError(
    f'{path} is damaged ({reason}): prepare or copy the data set again.'
  )


def _version(info):
  return tuple(map(int, info.parent.name.split('.')))
