"""Tests for seqjax.data.text.conll."""

import lzma

import folder_case
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.text import conll


def conllu(*rows):
  """Rows of CoNLL-U from (id, word, upos, xpos)."""
  return '\n'.join(
    '\t'.join((id_, word, '_', upos, xpos, *'_____'))
    for id_, word, upos, xpos in rows
  )


DO_NOT = conllu(
  ('1-2', "Don't", '_', '_'),
  ('1', 'Do', 'AUX', 'VB'),
  ('2', "n't", 'PART', 'RB'),
  ('2.1', 'you', 'PRON', 'PRP'),
  ('3', 'go', 'VERB', 'VB'),
)


class CoNLLTest(folder_case.FolderTestCase):
  def read(self, text, tag_column='', name='a.conll', pack=bytes):
    path = self.folder / name
    path.write_bytes(pack(text.encode()))
    return conll.tagged_file(path, tag_column)

  def mistake(self, *args, **kwargs):
    with self.assertRaises(errors.UserError) as caught:
      self.read(*args, **kwargs)
    message = str(caught.exception)
    self.assertNotIn('\n', message)
    return message.replace(f'{self.folder}/', '')

  @parameterized.named_parameters(
    ('tabs', 'I\tPRON\nam\tVERB\n\nYes\tINTJ\n'),
    ('blanks', 'I PRON\nam   VERB\n\nYes INTJ\n'),
    ('no_end', 'I\tPRON\nam\tVERB\n\nYes\tINTJ'),
    ('many_empty_lines', '\n\nI\tPRON\nam\tVERB\n\t\n \n\nYes\tINTJ\n\n\n'),
    ('other_line_ends', 'I\tPRON\r\nam\tVERB\r\n\r\nYes\tINTJ\r\n'),
    ('trailing_blanks', 'I\tPRON \nam VERB  \n \nYes \tINTJ\n'),
    ('mark', '\ufeffI\tPRON\nam\tVERB\n\nYes\tINTJ\n'),
  )
  def test_an_empty_line_ends_a_sentence(self, text):
    tagged = self.read(text)
    self.assertEqual(tagged.sentences, (('I', 'am'), ('Yes',)))
    self.assertEqual(tagged.tags, (('PRON', 'VERB'), ('INTJ',)))
    self.assertEqual((tagged.name, tagged.notes), ('a.conll', ()))
    same = conll.collect(zip(tagged.sentences, tagged.tags, strict=True), 'b')
    self.assertEqual(tagged.sha256, same.sha256)

  def test_an_archive_is_opened(self):
    tagged = self.read('I PRON\n', name='a.conll.xz', pack=lzma.compress)
    self.assertEqual(tagged.sentences, (('I',),))

  def test_the_hash_knows_words_from_tags_and_where_a_sentence_ends(self):
    texts = 'a x\nb y\n', 'a x\n\nb y\n', 'a x\nb x\n', 'a x\nc y\n'
    self.assertLen({self.read(text).sha256 for text in texts}, 4)

  @parameterized.parameters(('', 'Z'), ('last', 'Z'), ('2', 'X'), ('3', 'Y'))
  def test_any_column_may_hold_the_tag(self, tag_column, tag):
    self.assertEqual(self.read('w X Y Z\n', tag_column).tags, ((tag,),))

  @parameterized.parameters('#', '\u2028', '\xa0', 'no\xa0break', '1', '_')
  def test_any_mark_may_be_a_word(self, word):
    for between in ' ', '\t':
      tagged = self.read(f'{word}{between}O\nb{between}O\n')
      self.assertEqual(tagged.sentences, ((word, 'b'),))

  def test_each_sentence_may_have_columns_of_its_own(self):
    self.assertEqual(self.read('a x O\n\nb P\n').tags, (('O',), ('P',)))

  def test_marks_of_documents_are_left_out_and_counted(self):
    tagged = self.read(
      '-DOCSTART- -X- O\n\nI PRP O\n\n-DOCSTART- -X- O\n\nam VB O\n'
    )
    self.assertEqual(tagged.sentences, (('I',), ('am',)))
    self.assertEqual(tagged.notes, ('left out 2 -DOCSTART- rows',))

  @parameterized.parameters('a.conllu', 'a.txt', 'a.CONLLU')
  def test_conllu_is_known_by_its_name_or_by_its_rows(self, name):
    tagged = self.read(
      f'# sent_id = 1\n# text = "\n{DO_NOT}\n\n{DO_NOT}\n', name=name
    )
    self.assertEqual(tagged.sentences, (('Do', "n't", 'go'),) * 2)
    self.assertEqual(tagged.tags, (('AUX', 'PART', 'VERB'),) * 2)
    self.assertEqual(
      tagged.notes, ('left out 2 ranges of words', 'left out 2 empty nodes')
    )

  @parameterized.parameters(
    ('upos', 'AUX'), ('xpos', 'VB'), ('2', 'Do'), ('6', '_'), ('last', '_')
  )
  def test_conllu_has_columns_of_other_tags(self, tag_column, tag):
    self.assertEqual(self.read(DO_NOT, tag_column).tags[0][0], tag)

  def test_a_sentence_of_conllu_may_begin_with_an_empty_node(self):
    rows = conllu(('0.1', 'it', '_', '_'), ('1', 'Rains', 'VERB', 'VBZ'))
    self.assertEqual(self.read(rows).sentences, (('Rains',),))

  @parameterized.named_parameters(
    ('no_tag', 'a O\n\nb\n', 'line 3: expected a word and its tag'),
    (
      'empty_tag',
      'a\tO\nb\t\n',
      "line 2: expected a tag, but that cell of 'b'",
    ),
    ('empty_word', 'a\tO\n\tO\n', r"line 2: expected a word, got '\tO'"),
    ('more', 'a O\nb O x\n', 'line 2: expected 2 columns as in the row before'),
    ('fewer', '\n\na x O\nb O\n', 'line 4: expected 3 columns'),
    ('mixed_spaces', 'a\tO\nb O x\n', 'line 2: expected 2 columns'),
    ('nothing', '\n \n\t\n', 'a.conll has none'),
    ('empty', '', 'a.conll is empty'),
    ('no_words', '-DOCSTART- O\n', 'a.conll has none'),
    ('span', 'a O\nb B-x\nc I_x\n', 'line 3: expected O, B-... or I-..., as'),
    ('bare_span', 'a O\nb B-\nc B-x\n', "got 'B-' for the word 'b'"),
  )
  def test_a_broken_line_is_named(self, text, words):
    self.assertIn(words, self.mistake(text))

  @parameterized.named_parameters(
    ('columns', DO_NOT.replace('\tgo\t', '\t'), 'line 5: expected the 10 col'),
    ('blanks', DO_NOT.replace('\t', ' '), 'line 1: expected the 10 columns'),
    ('twice', DO_NOT.replace('3\tgo', '2\tgo'), 'line 5: expected 3 as the id'),
    ('id', DO_NOT.replace('1\tDo', 'x\tDo'), "got 'x'"),
    ('not_split', f'{DO_NOT}\n{DO_NOT[DO_NOT.index("1	Do") :]}', "got '1'"),
    ('empty', DO_NOT.replace('VERB', ''), "that cell of '3' is empty"),
    ('unfilled', DO_NOT.replace('VERB', '_'), 'line 5: expected a tag'),
    ('comments', '# nothing\n\n# else', 'a.conllu has none'),
  )
  def test_a_broken_line_of_conllu_is_named(self, text, words):
    self.assertIn(words, self.mistake(text, name='a.conllu'))

  @parameterized.named_parameters(
    ('unknown', 'uposs', "Did you mean 'upos'"),
    ('the_word', '1', 'a number of at least 2'),
    ('conllu', 'xpos', 'column xpos is one of CoNLL-U'),
    ('beyond', '4', 'line 1: expected the tag in column 4, but the row has 3'),
  )
  def test_a_column_that_is_not_there_is_named(self, tag_column, words):
    self.assertIn(words, self.mistake('a b c\n', tag_column))

  def test_a_byte_that_is_no_utf8_is_named(self):
    with self.assertRaisesRegex(errors.UserError, 'line 2'):
      self.read(
        'a O\ngr\xfcn O\n', pack=lambda data: data.decode().encode('latin-1')
      )

  def test_spans_may_begin_with_an_inside(self):
    tags = 'I-x I-x O I-y I-x B-x I-x'.split()
    tagged = self.read(''.join(f'w {tag}\n' for tag in tags))
    self.assertEqual(tagged.tags, (tuple(tags),))
    self.assertEqual(
      tagged.notes,
      ('3 spans begin with I- instead of B-, and count as spans',),
    )

  @parameterized.parameters(
    (['O'], False),
    (['O', 'B-x', 'E-x', 'S-y-z'], True),
    (['B-x', 'I-x'], False),
    (['O', 'B-x', 'NOUN'], False),
    ([], False),
  )
  def test_spans_have_an_outside(self, tags, spans):
    self.assertEqual(conll.are_spans(tags), spans)


if __name__ == '__main__':
  absltest.main()
