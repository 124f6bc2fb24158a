"""Tagging end to end, small: one run is trained and used by most tests."""

import os
import pathlib
import re
import signal
import sys
from unittest import mock

import experiment_case
import numpy as np
import pytest
from absl.testing import absltest, parameterized

from experiments import tagging
from seqjax.training import logs, signals

SMALL = (
  *('--train_file=train.txt', '--valid_file=valid.txt', '--cell=elman'),
  *('--hidden_size=12', '--embedding_size=6', '--character_hidden_size=5'),
  *('--character_embedding_size=4', '--batch_size=8', '--learning_rate=0.02'),
  *('--max_compilations=1', '--max_length=9', '--max_word_length=4'),
  *('--dropout_rate=0', '--eval_every=30', '--test_file=test.txt'),
)


def sentences(seed, number):
  """Columns in which `run` is a noun after `the` and a verb after a name."""
  random = np.random.RandomState(seed)
  blocks = []
  for _ in range(number):
    rows = []
    for _ in range(random.randint(1, 7)):
      name = f'{random.choice(list("ABCDEF"))}{random.randint(1e6)}'
      rows += [
        (('the', 'DET'), ('run', 'NOUN')),
        ((name, 'NAME'), ('run', 'VERB')),
      ][random.randint(2)]
    blocks.append('\n'.join('\t'.join(row) for row in rows))
  return '\n\n'.join(blocks) + '\n'


class TaggingTest(experiment_case.ExperimentTestCase):
  """In a folder with data and a finished run, `run`."""

  module = tagging

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('train.txt').write_text(sentences(0, 120))
    pathlib.Path('valid.txt').write_text(sentences(1, 30))
    pathlib.Path('test.txt').write_text(sentences(2, 40) + '\noh\tINTJ\n')
    cls.trained = cls.main(*SMALL, '--workdir=run', '--steps=60')
    cls.run_path = pathlib.Path('run')

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''))
    for part in (
      'train, train.txt: 120 sentences',
      'longer than --max_length=9 and read in pieces: ',
      'words longer than --max_word_length=4, which lose their middle: ',
      'test, test.txt: 41 sentences',
      'nothing to learn from, each a mistake: 1 (INTJ)',
      'Baseline, test accuracy: most frequent tag of each word 0.',
      'words, 23 characters, 4 tags. Batches: ',
      'words/s',
      'beats the most frequent tag of each word',
    ):
      self.assertIn(part, out)

  def test_it_learns_what_the_word_does_not_say(self):
    lines = logs.read_metrics(self.run_path / 'metrics.jsonl')
    valid = {
      x['step']: x['valid/accuracy'] for x in lines if 'valid/accuracy' in x
    }
    self.assertEqual(list(valid), [0, 30, 60])
    self.assertLess(valid[0], 0.7)
    self.assertGreater(valid[60], 0.95)
    result = self.result()['metrics']
    self.assertAlmostEqual(result['valid/accuracy'], valid[60], places=5)
    self.assertBetween(result['test/accuracy'], 0.95, 0.9999)

  def test_the_run_directory_is_complete(self):
    names = (
      'best characters.json checkpoints config.json figures labels.json lock '
      'metrics.jsonl result.json timing.jsonl vocabulary.json'
    )
    self.assertSameElements(os.listdir(self.run_path), names.split())

  def test_it_goes_on_as_if_it_had_never_stopped(self):
    # An epoch has some 20 batches: step 13 is in the middle of one.
    stop = mock.Mock(side_effect=[None] * 13 + [signal.SIGTERM] * 9)
    with mock.patch.object(signals, 'requested', stop):
      code, out, _ = self.main(*SMALL, '--workdir=twice', '--steps=60')
    self.assertEqual((code, 'Saved at step 13' in out), (143, True), out)
    code, out, _ = self.main(*SMALL, '--workdir=twice', '--steps=60')
    self.assertEqual((code, 'Going on from step 13' in out), (0, True), out)
    for name in ('metrics.jsonl', 'result.json'):
      self.assertEqual(
        pathlib.Path('twice', name).read_bytes(),
        (self.run_path / name).read_bytes(),
        name,
      )

  def test_the_test_part_is_what_is_judged(self):
    config = tagging.Config(train_file='train.txt', test_file='test.txt')
    parts = tagging.read_parts(config)
    self.assertEqual(list(parts), ['train', 'valid', 'test'])
    self.assertLen(parts['train'].tags + parts['valid'].tags, 120)

  def test_the_size_of_a_batch_changes_no_number(self):
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    for size in (1, 7, 64):
      code, out, err = self.main(
        '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
      )
      self.assertEqual((code, err), (0, 'run at step 60\n'))
      self.assertEqual(out.splitlines()[1:], sorted(expected))

  def test_spans_are_measured_by_f1_and_valid_may_be_held_out(self):
    pytest.importorskip('seqeval')
    text = pathlib.Path('train.txt').read_text().replace('NAME', 'B-name')
    text = re.sub('VERB', 'I-name', re.sub('DET|NOUN', 'O', text))
    pathlib.Path('spans.txt').write_text(text)
    code, out, err = self.main(
      *(x for x in SMALL if '_file' not in x and 'character' not in x),
      *('--train_file=spans.txt', '--workdir=spans', '--steps=60'),
      *('--head=crf', '--character_hidden_size=0'),
    )
    self.assertEqual((code, err), (0, ''), out)
    self.assertIn('Baseline, valid f1: ', out)
    self.assertIn('train, spans.txt: 108 sentences', out)
    metrics = self.result('spans')['metrics']
    self.assertSameElements(metrics, ['valid/accuracy', 'valid/f1'])
    self.assertGreater(metrics['valid/f1'], 0.7)

  def predict(self, *argv):
    code, out, err = self.main('--workdir=run', '--mode=predict', *argv)
    self.assertEqual((code, err), (0, 'run at step 60\n'))
    return out

  def test_a_sentence_is_tagged(self):
    rows = self.predict('--text=the run A1234567 run').splitlines()
    words, tags, shares = zip(*(x.split('\t') for x in rows[:-1]), strict=True)
    self.assertEqual(words, ('the', 'run', 'A1234567', 'run'))
    self.assertEqual(tags, ('DET', 'NOUN', 'NAME', 'VERB'))
    self.assertTrue(all(0.5 < float(share) <= 1 for share in shares))
    self.assertEqual(rows[-1], '')

  def test_every_line_of_a_file_is_tagged_however_long(self):
    lines = 'the run\n\n' + 'C7654321 run ' * 20 + '\nthe run.\n'
    pathlib.Path('lines.txt').write_text(lines)
    blocks = self.predict('--text_file=lines.txt').split('\n\n')
    self.assertEqual([x.count('\t') for x in blocks], [4, 80, 6, 0])
    self.assertEqual(
      blocks[0], self.predict('--text=the run').removesuffix('\n\n')
    )

  def test_words_of_a_file_with_tags_are_taken_as_they_are(self):
    pathlib.Path('asked.txt').write_text(
      "the\tDET\ndon't-run\tNOUN\n\nrun\tX\n"
    )
    rows = self.predict('--text_file=asked.txt').splitlines()
    words = [row.split('\t')[0] for row in rows]
    self.assertEqual(words, ['the', "don't-run", '', 'run', ''])

  @parameterized.parameters(
    ("We don't know.", ['We', 'do', "n't", 'know', '.']),
    (
      "It's $3.50 (U+00e9)",
      ['It', "'s", '$', '3.50', '(', 'U', '+', '00e9', ')'],
    ),
    ('@ann #tag!?', ['@ann', '#tag', '!', '?']),
  )
  def test_words_of_a_text_are_as_in_english_corpora(self, text, words):
    self.assertEqual(tagging._WORDS.findall(text), words)

  @parameterized.named_parameters(
    ('missing', '--train_file=trian.txt', 'train.txt?'),
    ('broken', '--train_file=broken.txt', 'line 2: expected a word and its'),
    ('no_train', '--train_file=', 'go with --train_file'),
    ('one', '--train_file=one.txt --valid_file=', 'cannot hold out'),
    ('column', '--tag_column=7', 'line 1: expected the tag in column 7'),
    ('upos', '--tag_column=upos', 'column upos is one of CoNLL-U'),
    ('metric', '--metric=f1', 'use --metric=accuracy'),
    ('rare', '--min_count=99999', 'occur at least 99999 times'),
    ('head', '--head=cfr', "did you mean 'crf'"),
    ('cell', '--cell=ltsm', "did you mean 'lstm'"),
  )
  def test_the_users_mistake_is_one_sentence(self, arguments, words):
    pathlib.Path('broken.txt').write_text('a\tX\nb\n')
    pathlib.Path('one.txt').write_text('a\tX\n')
    self.assert_refused(words, SMALL, *arguments.split())

  @parameterized.parameters(
    ('--text=', 'needs --text'),
    ('--text=x --text_file=train.txt', 'not both'),
    ('--text_file=none.txt', 'none.txt does not exist'),
  )
  def test_there_must_be_one_text_to_tag(self, arguments, words):
    code, _, err = self.main(
      '--workdir=run', '--mode=predict', *arguments.split()
    )
    self.assertEqual(code, 1)
    self.assertIn(words, err)

  def test_a_text_without_words_is_a_sentence(self):
    code, _, err = self.main('--workdir=run', '--mode=predict', '--text= ')
    self.assertEqual(
      (code, err), (1, 'error: expected words to tag, got none.\n')
    )

  def test_other_data_is_no_data_of_this_run(self):
    path = pathlib.Path('valid.txt')
    text = path.read_text()
    try:
      path.write_text(text + '\nthe\tNAME\n')
      code, _, err = self.main('--workdir=run', '--mode=evaluate')
    finally:
      path.write_text(text)
    self.assertEqual(code, 1)
    self.assertIn('trained on other data', err)

  def test_spans_need_their_package_before_training_begins(self):
    pathlib.Path('bio.txt').write_text('a\tO\nb\tB-x\n\n' * 20)
    with mock.patch.dict(sys.modules, {'seqeval': None}):
      code, _, err = self.main('--train_file=bio.txt', '--workdir=no_seqeval')
    self.assertEqual(code, 1)
    self.assertIn('SEQJAX_EXTRAS=text', err)
    self.assertFalse(pathlib.Path('no_seqeval', 'config.json').exists())


if __name__ == '__main__':
  absltest.main()
