"""Data sets by the names they have in tensorflow_datasets, read without TF.

A name is looked up in this order: prepared as array_record under the data
directory; its registered file, placed by hand under downloads/manual; the same,
downloaded to there. Whichever it is, the data are the same, hash included.
"""

import os
import pathlib
import re

import numpy as np

from seqjax import errors
from seqjax.data import archives, downloads, prepared, reading
from seqjax.data import labelled as labelled_texts
from seqjax.data.text import parallel, sources
from seqjax.data.vision import images as image_sets

# Archives of labelled texts; a member is that of a part if it matches.
ARCHIVES = {
  'imdb_reviews': (
    downloads.Registered(
      'http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz',
      84_125_825,
      'c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe',
    ),
    {
      split: re.compile(rf'aclImdb/{split}/(neg|pos)/\d+_\d+\.txt')
      for split in ('train', 'test')
    },
  ),
}
TEXTS = {
  'tiny_shakespeare': downloads.Registered(
    'https://raw.githubusercontent.com/karpathy/char-rnn/master/data/'
    'tinyshakespeare/input.txt',
    1_115_394,
    '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
  ),
}


def data_folder(data_dir: str = '') -> pathlib.Path:
  """Where data sets are: `data_dir`, else what tfds would take.

  That is $TFDS_DATA_DIR, or tensorflow_datasets in the home folder.
  """
  path = data_dir or os.environ.get('TFDS_DATA_DIR') or '~/tensorflow_datasets'
  return pathlib.Path(path).expanduser()


def labelled(
  name: str,
  split: str,
  data_dir: str = '',
  text_key: str = '',
  label_key: str = '',
) -> labelled_texts.Labelled:
  """The texts of one part of a data set, in the order of label and text.

  Args:
    name: 'imdb_reviews', or any data set that is prepared as array_record.
    split: the part: 'train', 'test', or what else the data set has.
    data_dir: see `data_folder`.
    text_key: the feature to read, where a prepared data set has several texts.
    label_key: the same of its labels.

  Raises:
    UserError: the data set is not there and cannot be fetched, is damaged, has
      no such part, or an example without a label.
    TryAgain: the connection broke while it was fetched.
  """
  folder = data_folder(data_dir)
  archive, members = ARCHIVES.get(name, (None, None))
  found = _find(folder, name, archive)
  if found:
    rows = _prepared_rows(found, split, text_key, label_key)
  elif split in members:
    with downloads.opened(archive, folder) as stream:
      rows = [
        (member.split('/')[-2], reading.decode(content.strip(), member), member)
        for member, content in archives.members(stream, members[split])
      ]
  else:
    raise errors.unknown(f'split of {name}', split, members)
  if not rows:
    raise errors.UserError(f'expected texts, but {name} has none in {split}.')
  labels, texts, places = zip(*sorted(rows), strict=True)
  return labelled_texts.collect(texts, labels, places, f'{name}, {split}')


def text(name: str, data_dir: str = '') -> sources.Text:
  """One long text, its parts put together again.

  Args:
    name: 'tiny_shakespeare'.
    data_dir: see `data_folder`.

  Raises:
    UserError: it is not there and cannot be fetched, or is damaged.
    TryAgain: the connection broke while it was fetched.
  """
  if name not in TEXTS:
    raise errors.unknown('text', name, TEXTS)
  folder = data_folder(data_dir)
  found = _find(folder, name, TEXTS[name])
  if found:
    builder = prepared.builder(found)
    content = b''.join(
      example['text']
      for split in ('train', 'validation', 'test')
      for example in prepared.examples(builder, split)
    )
  else:
    with downloads.opened(TEXTS[name], folder) as stream:
      content = stream.read()
  return sources.named_text(reading.decode(content, name), name)


def pairs(name: str, data_dir: str = '') -> dict[str, parallel.Parallel]:
  """The parts of a set of translations that is prepared as array_record.

  Args:
    name: as in 'ted_hrlr_translate/pt_to_en' or 'wmt16_translate/de-en'. The
      first of its languages is the source.
    data_dir: see `data_folder`.

  Returns:
    part -> pairs: 'train', and of 'valid' and 'test' those that there are.

  Raises:
    UserError: the data set is not there, or holds no translations.
  """
  builder = prepared.builder(_find(data_folder(data_dir), name))
  keys = builder.info.supervised_keys
  if not keys or {
    type(builder.info.features[key]).__name__ for key in keys
  } != {'Text'}:
    raise errors.UserError(
      f'expected texts and their translations, but {name} has the features '
      f'{", ".join(builder.info.features)}.'
    )
  splits = {'train': 'train', 'valid': 'validation', 'test': 'test'}
  return {
    part: parallel.filled(
      [
        tuple(reading.decode(example[key], f'{name}, {split}') for key in keys)
        for example in prepared.examples(builder, split)
      ],
      f'{name}, {split}',
    )
    for part, split in splits.items()
    if part == 'train' or split in builder.info.splits
  }


def images(name: str, split: str, data_dir: str = '') -> image_sets.Images:
  """The images of one part of a data set that is prepared as array_record.

  Args:
    name: as in 'mnist', 'fashion_mnist' or 'kmnist': images in shades of grey.
    split: the part: 'train', 'test', or what else the data set has.
    data_dir: see `data_folder`.

  Raises:
    UserError: the data set is not there, has no such part, images in
      colour, or an image without a label.
  """
  builder = prepared.builder(_find(data_folder(data_dir), name))
  image_key = prepared.key(builder, 'Image')
  label_key = prepared.key(builder, 'ClassLabel')
  shape = builder.info.features[image_key].shape
  if None in shape or shape[2:] != (1,):
    raise errors.UserError(
      f'expected images of one size in shades of grey, but those of {name} '
      f'have the shape {shape}.'
    )
  examples = prepared.examples(builder, split)
  for index, example in enumerate(examples):
    _check_label(example[label_key], f'{name} {split}, example {index}')
  return image_sets.labelled_images(
    np.reshape([example[image_key] for example in examples], (-1, *shape[:2])),
    [example[label_key] for example in examples],
    f'{name}, {split}',
  )


def _find(folder, name, file=None):
  """The folder of the prepared data set; None where `file` is to be read."""
  found = prepared.find(folder, name)
  if found and found.file_format == prepared.READABLE:
    return found.path
  if file and (not found or downloads.place(file, folder).exists()):
    return None
  state = (
    f'{found.path} is written as {found.file_format}, which needs TensorFlow'
    if found
    else f'there is no {name} in {folder}'
  )
  ways = prepared.how_to(name, folder)
  if file:
    ways += f', or place {file.url} in {downloads.place(file, folder).parent}'
  raise errors.UserError(f'{state}: {ways}.')


def _prepared_rows(path, split, text_key, label_key):
  builder = prepared.builder(path)
  text_key = prepared.key(builder, 'Text', text_key)
  label_key = prepared.key(builder, 'ClassLabel', label_key)
  names = builder.info.features[label_key].names
  rows = []
  for index, example in enumerate(prepared.examples(builder, split)):
    place = f'{builder.info.name} {split}, example {index}'
    _check_label(example[label_key], place)
    label = names[example[label_key]]
    rows.append((label, reading.decode(example[text_key], place), place))
  return rows


def _check_label(label, place):
  if label < 0:
    raise errors.UserError(
      f'expected a label, but {place} has none ({label}): choose another split.'
    )
