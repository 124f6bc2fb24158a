"""Tests for seqjax.data.text.cmudict."""

import lzma

import folder_case
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.text import cmudict

TEXT = """\
;;; # a comment of old versions
read R EH1 D
read(2) R IY1 D
aalborg AO1 L B AO0 R G # place, danish
"""
READ = ('R', 'EH', 'D'), ('R', 'IY', 'D')
AALBORG = (('AO', 'L', 'B', 'AO', 'R', 'G'),)


class CMUDictTest(folder_case.FolderTestCase):
  def read(self, text, name='a.dict', pack=str.encode):
    return cmudict.read(self.write(name, pack(text)))

  def test_ways_to_say_a_word_stand_together_without_stress(self):
    found = self.read(TEXT)
    self.assertEqual(found.words, ('read', 'aalborg'))
    self.assertEqual(found.variants, (READ, AALBORG))
    self.assertEqual(
      (found.name, found.notes),
      ('a.dict', ('digits of stress that are not read: 4',)),
    )

  @parameterized.named_parameters(
    ('tabs', TEXT.replace(' R ', '\tR ')),
    ('two_blanks', TEXT.replace(' R ', '  R ')),
    ('other_line_ends', TEXT.replace('\n', '\r\n')),
    ('no_end', TEXT.rstrip()),
    ('empty_lines', '\n' + TEXT.replace('\n', '\n \n')),
    ('capitals', TEXT.replace('read', 'Read')),
    ('comments', TEXT.replace('D\n', 'D #\n') + '# of the end\n'),
    ('unnumbered', TEXT.replace('(2)', '')),
    ('from_one', TEXT.replace('(2)', '(1)')),
    ('stress', TEXT.replace('1', '2')),
    ('none', TEXT.replace('1', '').replace('0', '')),
    ('mark', '\ufeff' + TEXT),
  )
  def test_it_may_be_written_in_other_ways(self, text):
    self.assertEqual(self.read(text)[:4], self.read(TEXT)[:4])

  def test_an_archive_is_opened(self):
    found = self.read(
      TEXT, 'a.dict.xz', lambda text: lzma.compress(text.encode())
    )
    self.assertEqual(
      (found.words, found.name), (('read', 'aalborg'), 'a.dict.xz')
    )

  @parameterized.parameters(
    "'bout", 'a.', '#sharp', 'x#', '(paren', '(1)', 'semi;;;', '2nd', 'été'
  )
  def test_any_mark_may_be_of_a_word(self, word):
    self.assertEqual(self.read(f'{word} B AW1 T\n').words, (word,))

  @parameterized.parameters('A3', '1', 'T12', 'A_B', '0.99', '2,', '--', 'K.')
  def test_what_is_no_sound_is_a_sentence(self, sound):
    with self.assertRaisesRegex(
      errors.UserError, f"a.dict, line 2: expected sounds .* got '{sound}'"
    ):
      self.read(f'a AH0\nb AH {sound} B\n')

  def test_sounds_may_be_of_any_script(self):
    found = self.read('journey d\u0361ʒ ɜː\u0301 n i\n')
    self.assertEqual(found.variants, ((('d\u0361ʒ', 'ɜː\u0301', 'n', 'i'),),))
    self.assertEqual(found.notes, ())

  def test_what_is_alike_but_for_the_stress_counts_once_and_is_told(self):
    found = self.read('a AH0\na(2) AH1\na(3) EY1\nb B IY1\na AH\n')
    self.assertEqual(found.variants, ((('AH',), ('EY',)), (('B', 'IY'),)))
    self.assertEqual(
      found.notes[1:], ('left out 2 that differ in nothing but stress',)
    )

  @parameterized.parameters(
    ('a AH0\nb\n', "a.dict, line 2: expected a word and its sounds .* got 'b'"),
    ('a AH0\n\nb # B\n', 'line 3: expected a word and its sounds'),
    ('# none\n\n', 'but .*a.dict has none'),
    ('', 'a.dict is empty'),
  )
  def test_a_broken_file_is_a_sentence(self, text, words):
    with self.assertRaisesRegex(errors.UserError, words):
      self.read(text)

  def test_a_byte_that_is_no_utf8_is_named(self):
    with self.assertRaisesRegex(errors.UserError, 'line 2 .*ISO-8859-1'):
      self.read('a AH0\nd\xe9j\xe0 D EY1\n', pack=lambda x: x.encode('latin-1'))

  def test_the_hash_is_of_what_was_read(self):
    texts = (
      TEXT,
      TEXT.replace('EH', 'AH'),
      TEXT.replace('read', 'red'),
      TEXT * 2,
    )
    first, *others, again = (self.read(text).sha256 for text in texts)
    self.assertLen({first, *others}, 3)
    self.assertEqual(first, again)

  def test_a_word_is_taken_with_all_its_variants(self):
    whole = self.read(TEXT)
    part = cmudict.take(whole, [1, 0])
    self.assertEqual(part[:3], (('aalborg', 'read'), (AALBORG, READ), 'a.dict'))
    self.assertEqual(
      cmudict.entries(part),
      [('aalborg', AALBORG[0]), ('read', READ[0]), ('read', READ[1])],
    )


if __name__ == '__main__':
  absltest.main()
