"""Tests for seqjax.data.text.nucleotides."""

import gzip

import folder_case
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import labelled
from seqjax.data.text import nucleotides

FASTA = (
  '>a donor\nACgt\nN\n\n>b|acceptor\nTT aa\r\n>c some label=none words\nG\n'
)


class SequenceFileTest(folder_case.FolderTestCase):
  def read(self, name, content, *args, **kwargs):
    path = self.folder / name
    path.write_bytes(
      content if isinstance(content, bytes) else content.encode()
    )
    return nucleotides.sequence_file(path, *args, **kwargs)

  @parameterized.parameters(
    ('a.fa', str.encode),
    ('a.FASTA', str.encode),
    ('a.fna', str.encode),
    ('a.faa', str.encode),
    ('a.fa.gz', lambda text: gzip.compress(text.encode())),
  )
  def test_fasta(self, name, pack):
    read = self.read(name, pack(FASTA))
    self.assertEqual(read.texts, ('ACGTN', 'TTAA', 'G'))
    self.assertEqual(read.labels, ('donor', 'acceptor', 'none'))
    self.assertEqual(
      read.places, (f'{name}, line 1', f'{name}, line 5', f'{name}, line 7')
    )
    self.assertEqual(read.name, name)

  def test_uci(self):
    read = self.read('a.data', '+,S10,\t\ttacg\n\n-, 867 ,  AC GT \n')
    self.assertEqual(read.texts, ('TACG', 'ACGT'))
    self.assertEqual(read.labels, ('+', '-'))
    self.assertEqual(read.places, ('a.data, line 1', 'a.data, line 3'))

  def test_a_table_with_blanks_after_its_commas(self):
    read = self.read(
      'a.csv', 'Class, Donor,   Sequence\nEI,  X-1,  acgt\nIE , X-2, NN\n'
    )
    self.assertEqual(read.texts, ('ACGT', 'NN'))
    self.assertEqual(read.labels, ('EI', 'IE'))
    self.assertEqual(read.places, ('a.csv, line 2', 'a.csv, line 3'))

  def test_columns_may_have_other_names(self):
    read = self.read(
      'a.tsv',
      'site\tkind\nacgt\tdonor\n',
      sequence_column='site',
      label_column='kind',
    )
    self.assertEqual((read.texts, read.labels), (('ACGT',), ('donor',)))

  @parameterized.parameters(
    ('a.fa', '>a\nAC\n>b two words\nGT\n', 'a.fa, line 3'),
    ('a.data', ',a,AC\n-,b,GT\n', 'a.data, line 2'),
    ('a.csv', 'sequence\nAC\nGT\n', 'a.csv, line 3'),
    ('a.txt', 'ac\ngt', 'a.txt, line 2'),
  )
  def test_labels_need_not_be_read(self, name, content, place):
    read = self.read(name, content, label_column=None)
    self.assertEqual((read.texts, read.labels), (('AC', 'GT'), ()))
    self.assertEqual(read.places[1], place)

  def test_the_hash_is_of_what_is_learnt_from(self):
    uci = self.read('a.data', 'x,name,acgt\n')
    fasta = self.read('a.fa', '>other x\nAC\nGT\n')
    self.assertEqual(uci.sha256, fasta.sha256)
    self.assertEqual(
      uci.sha256, labelled.collect(['ACGT'], ['x'], [''], '').sha256
    )

  @parameterized.parameters(
    ('dna', 'acgtuBDHKMNRSVWY'),
    ('protein', 'ACDEFGHIKLMNPQRSTVWYBJXZOU*'),
    ('any', 'ACGT-.?1Ω'),
  )
  def test_letters_of_an_alphabet(self, alphabet, letters):
    read = self.read('a.data', f'x,name,{letters}\n', alphabet)
    self.assertEqual(read.texts, (letters.upper(),))

  @parameterized.named_parameters(
    ('no_label', 'a.fa', '>a x\nA\n>b\nA\n', 'a.fa, line 3: expected a label'),
    ('unclear_label', 'a.fa', '>a x y\nA\n', 'line 1: expected a label'),
    ('empty_label', 'a.fa', '>a| \nA\n', 'line 1: expected a label'),
    ('empty_header', 'a.fa', '>\nA\n', 'line 1: expected a label'),
    ('no_letters', 'a.fa', '>a x\n>b y\nA\n', 'line 1: expected a sequence'),
    (
      'no_letters_at_the_end',
      'a.fa',
      '>a x\nA\n>b y',
      'line 3: expected a seq',
    ),
    ('no_header', 'a.fa', '\nACGT\n>a x\n', "line 2: .*before .*got 'ACGT'"),
    (
      'letter',
      'a.fa',
      '>a x\nAC\nAZ\n',
      "3: the letter 'Z' .* alphabet dna",
    ),
    ('uci_label', 'a.data', 'x,a,A\n ,b,C\n', 'line 2: expected a label'),
    ('uci_letters', 'a.data', 'x,a,\n', 'line 1: expected a sequence'),
    ('uci_cells', 'a.data', 'x,a\n', 'line 1: expected .label,name,.* got 2'),
    ('uci_letter', 'a.data', 'x,a,AC-GT\n', "line 1: the letter '-'"),
    ('no_records', 'a.data', '\n \n', 'holds none'),
    ('csv_label', 'a.csv', 'class,sequence\n,AC\n', 'line 2: expected a label'),
    ('csv_letters', 'a.csv', 'class,sequence\nx, \n', 'line 2: expected a seq'),
    ('csv_letter', 'a.csv', 'class,sequence\nx,A1\n', "line 2: the letter '1'"),
    ('csv_column', 'a.csv', 'class,sequenze\nx,A\n', "column 'sequence'"),
    ('no_labels_at_all', 'a.txt', 'ACGT\n', "ending .* '.txt'"),
    ('ending', 'a.fast', '>a x\nA\n', "'.fast'. Did you mean '.fasta'"),
  )
  def test_what_is_wrong_is_a_sentence(self, name, content, message):
    with self.assertRaisesRegex(errors.UserError, message):
      self.read(name, content)

  def test_an_unknown_alphabet(self):
    with self.assertRaisesRegex(errors.UserError, "alphabet 'rna'"):
      self.read('a.fa', FASTA, 'rna')

  def test_a_letter_of_another_alphabet(self):
    with self.assertRaisesRegex(errors.UserError, "letter '1' .* protein"):
      self.read('a.data', 'x,a,MKV1', 'protein')


if __name__ == '__main__':
  absltest.main()
