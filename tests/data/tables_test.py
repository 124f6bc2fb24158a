"""Tests for seqjax.data.tables."""

import csv
import gzip
import json
import lzma
import pathlib
import tempfile

import folder_case
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import tables


class TablesTest(folder_case.FolderTestCase):
  def refused(self, message, name, data, **columns):
    with self.assertRaisesRegex(errors.UserError, message):
      tables.table(self.write(name, data), **columns)


class TableTest(TablesTest):
  @parameterized.parameters(
    ('a.tsv', 'text\tid\tlabel\n So, so \t1\tpos\n\t2\t neg \n', bytes),
    (
      'a.csv.gz',
      '\ufefftext,id,label\r\n" So, so ",1,pos\r\n,2, neg \r\n\r\n',
      gzip.compress,
    ),
    (
      'a.JSONL.xz',
      '{"id": 1, "label": "pos", "text": " So, so "}\n'
      '{"label": " neg ", "text": ""}',
      lzma.compress,
    ),
  )
  def test_the_same_rows_are_read_from_every_kind(self, name, content, pack):
    train = tables.table(self.write(name, pack(content.encode())))
    self.assertEqual(train.texts, (' So, so ', ''))
    self.assertEqual(train.labels, ('pos', 'neg'))
    first = 1 if 'JSONL' in name else 2
    self.assertEqual(
      train.places, (f'{name}, line {first}', f'{name}, line {first + 1}')
    )
    self.assertEqual(train.name, name)
    plain = self.write('b.tsv', 'label\ttext\npos\t So, so \nneg\t\n')
    self.assertEqual(train.sha256, tables.table(plain).sha256)

  def test_columns_have_the_names_that_are_given(self):
    path = self.write('a.csv', 'text,review,stars\nx,good,5\nx,bad,1\n')
    train = tables.table(path, text_column='review', label_column='stars')
    self.assertEqual(train.texts, ('good', 'bad'))
    self.assertEqual(train.labels, ('5', '1'))

  def test_quotes_and_odd_line_ends_mean_nothing_in_a_tsv(self):
    text = (
      'label\ttext\n1\t"open\n0\t5" by 3"\n1\t"whole"\n0\ta\x85\u2028b\x0c\n'
    )
    train = tables.table(self.write('a.tsv', text))
    self.assertEqual(
      train.texts, ('"open', '5" by 3"', '"whole"', 'a\x85\u2028b\x0c')
    )
    self.assertEqual(train.labels, ('1', '0', '1', '0'))

  def test_a_csv_cell_in_quotes_holds_anything(self):
    text = 'text,label\n"a,\r\n""b""\n\nc",1\nd\u2028\x85e,0\n'
    train = tables.table(self.write('a.csv', text))
    self.assertEqual(train.texts, ('a,\n"b"\n\nc', 'd\u2028\x85e'))
    self.assertEqual(train.places, ('a.csv, line 2', 'a.csv, line 6'))

  @parameterized.parameters('tsv', 'csv', 'jsonl')
  def test_a_text_of_100_000_words_is_read(self, suffix):
    text = 'word ' * 100_000
    self.assertGreater(len(text), csv.field_size_limit())
    content = {
      'tsv': f'text\tlabel\n{text}\t1\n',
      'csv': f'text,label\n{text},1\n',
      'jsonl': json.dumps({'text': text, 'label': 1}),
    }[suffix]
    limit = csv.field_size_limit()
    train = tables.table(self.write(f'a.{suffix}', content))
    self.assertEqual(train.texts, (text,))
    self.assertEqual(csv.field_size_limit(), limit)

  def test_a_broken_csv_gives_the_limit_back_too(self):
    limit = csv.field_size_limit()
    self.refused('unexpected end', 'a.csv', 'text,label\n"a,1\n')
    self.assertEqual(csv.field_size_limit(), limit)

  def test_a_json_label_is_written_as_json_writes_it(self):
    labels = ['pos', 3, -1, True, False]
    lines = [json.dumps({'text': 'x', 'label': label}) for label in labels]
    train = tables.table(self.write('a.jsonl', '\n'.join(lines)))
    self.assertEqual(train.labels, ('pos', '3', '-1', 'true', 'false'))

  @parameterized.parameters(
    ('a.tsv', 'text\tlabel\nx\t1\n\nx\t1\n', 'line 3: .* got a blank line'),
    ('a.csv', 'text,label\n"x\nx",1\n\nx,1\n', 'line 4: .* got a blank line'),
    ('a.tsv', 'text\tlabel\nx\t1\nx\n', 'line 3: expected 2 cells .*, got 1'),
    ('a.tsv', 'text\tlabel\nx\t1\t2\n', 'line 2: expected 2 .*tabs.*, got 3'),
    ('a.csv', 'text,label\n"x\nx",1\nx\n', 'line 4: expected 2 cells .* got 1'),
    ('a.csv', 'text,label\nSo, so,1\n', 'line 2: expected 2 .*commas.* got 3'),
    ('a.csv', 'text,label\nx,1\n"x,1\nx,1\n', 'line 3: the row that begins'),
    ('a.csv', 'text,label\n"x"y,1\n', 'line 2: the row .* written twice'),
    (
      'a.tsv',
      'text\tlabel\nx\t1\nx\t \n',
      'line 3: .* a label, got none',
    ),
    ('a.csv', 'text,label\nx,\n', 'line 2: expected a label, got none'),
  )
  def test_a_broken_row_is_named_with_its_line(self, name, data, message):
    self.refused(f'{name}, {message}', name, data)

  @parameterized.parameters(
    ('txt,label\nx,1\n', "line 1: .*column 'text'. Did you mean 'txt'."),
    ('text,class\nx,1\n', "column 'label'. Known: class, text. .*commas"),
    ('text,label,text\nx,1,x\n', "line 1: .* the column 'text' twice"),
    ('so good,1\nso bad,0\n', 'Known: 1, so good. The first line must be a'),
    ('x' * 50 + ',1\n', f'Known: 1, {"x" * 40}[.]{{4}} The first'),
    ('1,1\n0,0\n', "Unknown column 'text'. .*must be a header"),
    ('text,label\n', 'a.csv has no rows: it needs the columns text and label'),
    ('\n\n', 'a.csv, line 1: Unknown column'),
  )
  def test_a_header_that_will_not_do_is_explained(self, data, message):
    self.refused(message, 'a.csv', data)

  @parameterized.parameters(
    ('{"text": "x", "label"', "line 2: .*not JSON: Expecting ':' .*at column"),
    ('', 'line 2: .*not JSON: Expecting value at column 1'),
    ('["x", 1]', r'line 2: expected a JSON object, got \["x", 1\]'),
    ('[' * 100_000, 'line 2: .*not JSON'),
    ('{"text": "x", "label": 1, "text": "y"}', 'line 2: .*occurs twice'),
    (r'{"text": "\ud83d", "label": 1}', 'line 2: .*surrogates'),
    ('{"txt": "x", "label": 1}', "line 2: .*Did you mean 'txt'.*Every"),
    ('{"text": "x"}', "line 2: Unknown column 'label'"),
    ('{"text": 5, "label": 1}', 'line 2: expected a string as the text, got 5'),
    ('{"text": null, "label": 1}', 'line 2: .* as the text, got null'),
    ('{"text": "x", "label": null}', 'line 2: .*as the label, got null'),
    ('{"text": "x", "label": 0.5}', 'line 2: .*as the label, got 0.5'),
    ('{"text": "x", "label": "\\t"}', 'line 2: expected a label, got none'),
  )
  def test_a_broken_json_line_is_named(self, line, message):
    good = '{"text": "x", "label": 1}'
    self.refused(f'a.jsonl, {message}', 'a.jsonl', f'{good}\n{line}\n{good}\n')

  def test_another_encoding_is_named_with_its_line(self):
    data = 'text\tlabel\nx\t1\ncafé\t1\n'
    self.refused('a.tsv has 0xe9 .* in line 3', 'a.tsv', data.encode('latin-1'))
    self.refused('iconv -f UTF-16', 'a.tsv', data.encode('utf-16'))
    data = data.replace('é', 'e')
    self.refused('line 1: .*UTF-16', 'a.tsv', data.encode('utf-16-le'))
    self.refused('line 3: .*NUL', 'a.csv', 'text,label\nx,1\nx\0,1\n')

  def test_another_ending_is_refused(self):
    self.refused(
      "a.json.gz: Unknown ending of a table '.json'. Did you mean '.jsonl'",
      'a.json.gz',
      gzip.compress(b'{}'),
    )

  def test_a_missing_file_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'does not exist'):
      tables.table(self.folder / 'a.tsv')


class TextsTest(TablesTest):
  def test_a_plain_file_has_a_text_per_line(self):
    texts = tables.texts(self.write('a.txt', 'one\r\n\r\n"two, 2"\tx\r\n'))
    self.assertEqual(texts.texts, ('one', '', '"two, 2"\tx'))
    self.assertEqual(texts.labels, ())
    self.assertEqual(texts.places[2], 'a.txt, line 3')

  def test_a_table_needs_no_labels(self):
    path = self.write('a.csv', 'id,review\n1,one\n2,\n')
    texts = tables.texts(path, text_column='review')
    self.assertEqual(texts.texts, ('one', ''))
    self.assertEqual(texts.labels, ())
    with self.assertRaisesRegex(errors.UserError, "Unknown column 'text'"):
      tables.texts(path)


class AnswersTest(absltest.TestCase):
  def test_no_empty_text_at_the_end_goes_without_an_answer(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path = pathlib.Path(folder, 'asked.tsv')
    path.write_text('text\na\n\n')
    with self.assertRaisesRegex(errors.UserError, 'line 3.*blank'):
      tables.texts(path)


if __name__ == '__main__':
  absltest.main()
