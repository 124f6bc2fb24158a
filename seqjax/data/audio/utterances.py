"""Recordings with what is said in them, and several of them as one."""

import collections
import hashlib
import json
import os
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data import labelled, tables
from seqjax.data.audio import wav, wav_folder

NAME_PATTERN = '{label}_{speaker}_{index}'
_NUM_SHOWN = 3  # Examples of what names say.
_FIELDS = {
  'label': '(?P<label>.+?)',
  'speaker': '(?P<speaker>.+?)',
  'index': r'(?P<index>\d+)',
}


class Utterances(NamedTuple):
  """N recordings, and what a run writes down to know them again."""

  samples: tuple[np.ndarray, ...]  # N arrays [n] float32, one channel
  texts: tuple[str, ...]  # [N] what is said: words with a blank between them
  speakers: tuple[str, ...]  # [N], '' where nobody is named
  indices: tuple[int, ...]  # [N] numbers in the names of the files, else 0
  rate: int  # samples in a second
  name: str
  sha256: str
  notes: tuple[str, ...] = ()  # sentences on what was changed or left out


def collect(
  samples: Iterable[np.ndarray],
  said: Iterable[tuple[str, str, int]],
  rate: int,
  name: str,
  notes: Iterable[str] = (),
) -> Utterances:
  """Puts recordings together, with their hash.

  Args:
    samples: N arrays [n] float32.
    said: text, speaker and index of each.
    rate, name, notes: as of `Utterances`.
  """
  samples, said = tuple(samples), [tuple(each) for each in said]
  sha256 = hashlib.sha256(json.dumps([rate, said]).encode())
  for each in samples:
    sha256.update(len(each).to_bytes(8, 'little') + each.tobytes())
  texts, speakers, indices = zip(*said, strict=True)
  return Utterances(
    samples,
    texts,
    speakers,
    indices,
    rate,
    name,
    sha256.hexdigest(),
    tuple(notes),
  )


def wav_files(
  path: str | os.PathLike,
  rate: int,
  name_pattern: str = NAME_PATTERN,
  transcripts: str | os.PathLike = '',
  speaker_column: str = '',
) -> Utterances:
  """Reads all wav files of a folder and those in it, or of a tar archive.

  Several channels become one, and other rates become `rate`; `notes` counts
  them, and what is left out, and says what the names were taken for.

  Args:
    path: of the folder, or of a .tar.gz or .tar.xz of one.
    rate: samples in a second to have, Hz.
    name_pattern: how the files are called, without .wav: {label} is what is
      said, {speaker} who says it and {index} a number.
    transcripts: instead, a table as of `tables.table`, with the columns file
      (from the folder on, with .wav) and text. Files that it does not name are
      left out.
    speaker_column: of that table; '' where it has none.

  Raises:
    UserError: as `wav_folder.read`; a name does not fit, or the table names a
      file that is not there, or one twice, or says nothing of it; a file is
      refused by `wav.decode`.
  """
  path = pathlib.Path(os.path.expanduser(path))
  contents = wav_folder.read(path)
  notes = []
  if transcripts:
    said = _table(transcripts, speaker_column, contents)
    if rest := len(contents) - len(said):
      notes.append(f'Left out, for {transcripts} does not name them: {rest:,}.')
  else:
    pattern = _pattern(name_pattern)
    said = {
      name: _fields(pattern, name_pattern, path, name) for name in contents
    }
    notes.append(_recognised(said))
  samples, changed = [], collections.Counter()
  for name in said:
    sound = wav.decode(contents[name], path / name)
    changed.update(wav.changes(sound, rate))
    samples.append(wav.mono(sound, rate))
  notes += [f'Files {what}: {n:,}.' for what, n in sorted(changed.items())]
  return collect(samples, said.values(), rate, path.name, notes)


def take(whole: Utterances, ids: Iterable[int], name: str) -> Utterances:
  """Some of the recordings, under a name of their own."""
  ids = list(ids)
  said = list(zip(whole.texts, whole.speakers, whole.indices, strict=True))
  return collect(
    [whole.samples[i] for i in ids], [said[i] for i in ids], whole.rate, name
  )


def joined(
  whole: Utterances,
  fewest: int,
  most: int,
  *,
  passes: int = 1,
  speed_change: float = 0.0,
  data_seed: int = 0,
) -> Iterator[tuple[np.ndarray, str]]:
  """Utterances of several recordings of one speaker, one after the other.

  In a pass every recording is heard: those of a speaker are shuffled and cut
  into utterances, and the last is filled up from the first of them.

  Args:
    whole: the recordings.
    fewest, most: recordings in an utterance; all numbers between are as likely.
    passes: how often every recording is heard, each time among others.
    speed_change: an utterance is made faster and higher, or slower and lower,
      by a share of up to this, in percent as whole numbers; below 1.
    data_seed: another number, other utterances.

  Yields:
    Samples [n] float32 and the words in them.

  Source: the speeds of Ko et al. (2015), Interspeech, drawn from all between.
  """
  speakers = np.array(whole.speakers)
  percent = round(100 * speed_change)
  for number in range(passes):
    # Not a Generator: NumPy may change what that draws.
    random = np.random.RandomState([data_seed, number])
    for speaker in dict.fromkeys(whole.speakers):
      order = random.permutation(np.flatnonzero(speakers == speaker))
      start = 0
      while start < len(order):
        size = random.randint(fewest, most + 1)
        ids = order[np.arange(start, start + size) % len(order)]
        samples = np.concatenate([whole.samples[i] for i in ids])
        slower = 100 + random.randint(-percent, percent + 1)
        yield (
          wav.resampled(samples, slower, 100),
          ' '.join(whole.texts[i] for i in ids),
        )
        start += size


def _pattern(name_pattern):
  """The regular expression of a name pattern."""
  pieces = re.split(r'\{(.*?)\}', name_pattern)
  names = pieces[1::2]
  for name in names:
    if name not in _FIELDS:
      raise errors.unknown('field of a name pattern', name, _FIELDS)
  if names.count('label') != 1 or len(set(names)) < len(names):
    raise errors.UserError(
      f'expected a name pattern such as {NAME_PATTERN}, with {{label}} and '
      f'nothing twice, got {name_pattern!r}.'
    )
  pieces[::2] = map(re.escape, pieces[::2])
  pieces[1::2] = (_FIELDS[name] for name in names)
  return re.compile(''.join(pieces))


def _fields(pattern, name_pattern, path, name):
  """Text, speaker and index that the name of a file says."""
  found = pattern.fullmatch(pathlib.PurePath(name).stem)
  if not found:
    raise errors.UserError(
      f'expected a file called {name_pattern}.wav, got {path / name}: say how '
      'files are called by --name_pattern, or give a table of --transcripts.'
    )
  found = found.groupdict()
  text = ' '.join(found['label'].split())
  if not text:
    raise errors.UserError(
      f'expected a label in the name of {path / name}, got blanks: give it one.'
    )
  return text, found.get('speaker', ''), int(found.get('index', 0))


def _recognised(said):
  """A sentence on what the names of files say, with a few examples."""
  texts, speakers, _ = zip(*said.values(), strict=True)
  found = []
  for what, values in ('text', set(texts)), ('speaker', set(speakers) - {''}):
    if values:
      few = ', '.join(labelled.natural_order(values)[:_NUM_SHOWN])
      more = ', ...' * (len(values) > _NUM_SHOWN)
      ending = 's' * (len(values) > 1)
      found.append(f'{len(values):,} {what}{ending} ({few}{more})')
  return f'In names such as {next(iter(said))}: {", ".join(found)}.'


def _table(transcripts, speaker_column, contents):
  """Text, speaker and index of each file that a table names."""
  texts = tables.table(transcripts, 'file', 'text')
  speakers = [''] * len(texts.labels)
  if speaker_column:
    speakers = tables.table(transcripts, 'file', speaker_column).labels
  said = {}
  for name, text, place, speaker in zip(*texts[:3], speakers, strict=True):
    name = pathlib.PurePosixPath(name).as_posix()  # Of `./a.wav`, `a.wav`.
    if name not in contents:
      raise errors.UserError(
        f'{place}: no wav file is called {name!r}; the first of '
        f'{len(contents):,} is {next(iter(contents))!r}.'
      )
    if name in said:
      raise errors.UserError(f'{place}: {name} stands there a second time.')
    said[name] = ' '.join(text.split()), speaker, 0
  return said
