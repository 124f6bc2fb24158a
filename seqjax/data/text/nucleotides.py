"""Files of nucleotide and protein sequences: FASTA, UCI, and tables."""

import os
import pathlib
from typing import NamedTuple

from seqjax import errors
from seqjax.data import labelled, reading, tables

# The letters of sequences, in upper case; None for any. Some stand for one of
# several, as N does for every nucleotide. U is the T of RNA, * ends a protein.
# Source: Cornish-Bowden (1985), Nucleic Acids Research 13(9); IUPAC-IUB (1984),
# European Journal of Biochemistry 138(1).
ALPHABETS = {
  'any': None,
  'dna': 'ACGTU' + 'BDHKMNRSVWY',
  'protein': 'ACDEFGHIKLMNPQRSTVWY' + 'BJXZ' + 'OU' + '*',
}


def sequence_file(
  path: str | os.PathLike,
  alphabet: str = 'dna',
  *,
  sequence_column: str = 'sequence',
  label_column: str | None = 'class',
) -> labelled.Labelled:
  """Reads sequences and their labels.

  The name's ending says what the file is, beneath .gz or .xz:

  * .fasta, .fa, .fna, .faa: a line '>id label', '>id|label' or
    '>id ... label=NAME', and lines of letters after it.
  * .data: UCI's lines 'label,name,sequence'.
  * .csv, .tsv, .jsonl: a table, see `tables.table`.
  * .txt: a sequence per line, without labels.

  Sequences lose the blanks in them and become upper case.

  Args:
    path: the file, in UTF-8.
    alphabet: of `ALPHABETS`: the letters that may occur.
    sequence_column: the name of the column that holds the sequences.
    label_column: the name of the column that holds the labels; None reads the
      sequences alone, of any format.

  Raises:
    UserError: the file cannot be read (see `reading.read_text`) or has another
      ending; letters before the first '>'; a line or row is not of its format,
      or lacks its label or its sequence, or has a letter of no such alphabet.
      It names the line.

  Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...   path = pathlib.Path(folder, 'sites.fa')
    ...   _ = path.write_text('>1 donor\\nacg\\ntna\\n>2 other\\nAAAA\\n')
    ...   sites = sequence_file(path)
    >>> sites.texts, sites.labels, sites.places[1]
    (('ACGTNA', 'AAAA'), ('donor', 'other'), 'sites.fa, line 4')
  """
  if alphabet not in ALPHABETS:
    raise errors.unknown('alphabet', alphabet, ALPHABETS)
  path = pathlib.Path(path)
  ending = reading.suffix(path)
  labels_wanted = label_column is not None
  known = _FORMATS.keys() | _TABLES | (set() if labels_wanted else {'.txt'})
  if ending not in known:
    problem = errors.unknown('ending of a file of sequences', ending, known)
    raise errors.UserError(f'{path}: {problem}')
  if ending in _FORMATS:
    records = _records(path, *_FORMATS[ending], labels_wanted)
  elif labels_wanted:
    records = _rows(tables.table(path, sequence_column, label_column))
  else:
    records = _rows(tables.texts(path, sequence_column))
  if not records:
    raise errors.UserError(f'expected sequences, but {path} holds none.')
  return labelled.collect(
    (_whole(record, alphabet) for record in records),
    (record.label for record in records) if labels_wanted else (),
    (record.place for record in records),
    path.name,
  )


def sequence(letters: str, alphabet: str, place: str) -> str:
  """The letters in upper case and without blanks.

  Args:
    letters: as somebody wrote them.
    alphabet: of `ALPHABETS`: those that may occur.
    place: where they stand, for the message.

  Raises:
    UserError: a letter is not of the alphabet.

  Example:
    >>> sequence('acg tN', 'dna', 'sites.fa, line 2')
    'ACGTN'
  """
  letters = ''.join(letters.split()).upper()
  known = ALPHABETS[alphabet]
  for letter in letters if known else '':
    if letter not in known:
      raise errors.UserError(
        f'{place}: the letter {letter!r} is not of the alphabet {alphabet}, '
        f'{known}. Mend it, or choose another alphabet: '
        f'{", ".join(ALPHABETS)}.'
      )
  return letters


class _Record(NamedTuple):
  place: str
  label: str  # '' where there is none
  parts: list[tuple[str, str]]  # the places of some letters, and the letters


def _records(path, parse, form, labels_wanted):
  lines = [
    (f'{path.name}, line {number}', line.strip())
    for number, line in enumerate(reading.read_text(path).split('\n'), 1)
    if line.strip()
  ]
  records = parse(lines, form)
  for record in records:
    if labels_wanted and not record.label:
      raise errors.UserError(f'{record.place}: expected a label, as in {form}.')
  return records


def _rows(source):
  labels = source.labels or [''] * len(source.texts)
  return [
    _Record(place, label, [(place, text)])
    for place, label, text in zip(
      source.places, labels, source.texts, strict=True
    )
  ]


def _fasta(lines, form):
  records = []
  for place, line in lines:
    if line.startswith('>'):
      records.append(_Record(place, _fasta_label(line[1:].split()), []))
    elif records:
      records[-1].parts.append((place, line))
    else:
      raise errors.UserError(
        f'{place}: expected {form} before the first letters, got {line[:20]!r}.'
      )
  return records


def _fasta_label(words):
  """The label in a header; '' where several words might be it, or none."""
  for word in words:
    if word.startswith('label='):
      return word.removeprefix('label=')
  if len(words) == 1:
    return words[0].rpartition('|')[2] if '|' in words[0] else ''
  return words[1] if len(words) == 2 else ''


def _uci(lines, form):
  records = []
  for place, line in lines:
    cells = [cell.strip() for cell in line.split(',')]
    if len(cells) != 3:
      raise errors.UserError(
        f'{place}: expected {form}, got {len(cells)} cells with commas between '
        'them.'
      )
    label, _, letters = cells
    records.append(_Record(place, label, [(place, letters)]))
  return records


def _whole(record, alphabet):
  whole = ''.join(
    sequence(letters, alphabet, place) for place, letters in record.parts
  )
  if not whole:
    raise errors.UserError(f'{record.place}: expected a sequence, got none.')
  return whole


_FASTA = _fasta, "'>id label', '>id|label' or '>id ... label=NAME'"
_FORMATS = {
  '.data': (_uci, "'label,name,sequence'"),
  '.fa': _FASTA,
  '.faa': _FASTA,
  '.fasta': _FASTA,
  '.fna': _FASTA,
}
_TABLES = {'.csv', '.jsonl', '.tsv'}
