"""Answering end to end, small: one run is trained and used by most tests."""

import io
import itertools
import os
import pathlib
import signal
import subprocess
import sys
from unittest import mock

import experiment_case
import jax
import numpy as np
from absl.testing import absltest, parameterized

from experiments import answering
from seqjax.data.text import stories
from seqjax.training import logs

STEPS = 180
SMALL = (
  *('--train_file=qa1_train.txt', '--test_file=qa?_test.txt', '--cell=elman'),
  *('--hidden_size=16', '--embedding_size=12', '--hops=2', '--batch_size=32'),
  *('--learning_rate=0.02', '--eval_every=60', '--max_length=4'),
  '--max_compilations=1',
)
NAMES, PLACES = ('Ann', 'Bob', 'Cid'), ('attic', 'hall', 'yard')


def lines(seed, number, most=4):
  """Who went where, and where the first who was named is."""
  random = np.random.RandomState(seed)
  found = []
  for _ in range(number):
    where = {}
    story = random.randint(1, most + 1)
    for i in range(1, story + 1):
      name, place = NAMES[random.randint(3)], PLACES[random.randint(3)]
      where[name] = place, i
      found.append(f'{i} {name} went to the {place}.')
    name = list(where)[0]
    place, i = where[name]
    found.append(f'{story + 1} Where is {name}? \t{place}\t{i}')
  return '\n'.join(found) + '\n'


class AnsweringTest(experiment_case.ExperimentTestCase):
  """In a folder with data and a finished run, `run`."""

  module = answering

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('qa1_train.txt').write_text(lines(0, 600))
    pathlib.Path('qa1_test.txt').write_text(lines(1, 90))
    pathlib.Path('qa2_test.txt').write_text(
      lines(2, 9, most=6)
      + '1 Dan went to the moon.\n2 Where is Dan?\tmoon\t1\n'
    )
    cls.trained = cls.main(*SMALL, f'--steps={STEPS}', '--workdir=run')
    cls.run_path = pathlib.Path('run')

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''), out)
    for part in (
      'train, qa1_train.txt: 514 questions about 1 to 4 sentences',
      'valid, qa1_train.txt: 86 questions',
      'test, qa?_test.txt: 100 questions about 1 to 5 sentences',
      'questions whose story is learnt from as well: ',
      'nothing to learn from, each a mistake: 1 (moon)',
      '1 of 100 texts is longer than --max_length=4 and loses its start',
      'test: words that are read as unknown: 2 (dan, moon)',
      'answer named last with it',
      '3 answers. Batches: ',
      'questions/s',
      'Where it looked: ',
    ):
      self.assertIn(part, out)
    self.assertEqual(out.count('most frequent answer to the same words'), 1)
    header, *rows = out.rpartition('test accuracy:\n')[2].splitlines()[:4]
    self.assertEndsWith(header, 'network')
    self.assertEqual(
      [row.split()[0] for row in rows],
      ['accuracy', 'accuracy_qa1', 'accuracy_qa2'],
    )

  def test_it_learns_and_beats_what_does_not_read(self):
    lines = logs.read_metrics(self.run_path / 'metrics.jsonl')
    valid = [x['valid/accuracy'] for x in lines if 'valid/accuracy' in x]
    self.assertLen(valid, 4)
    self.assertLess(valid[0], 0.6)
    self.assertGreater(valid[-1], 0.9)
    result = self.result()['metrics']
    self.assertAlmostEqual(result['valid/accuracy'], valid[-1], places=5)
    self.assertGreater(result['test/accuracy_qa1'], 0.9)
    self.assertLess(result['test/accuracy_qa2'], 1)

  def test_the_run_directory_is_complete(self):
    names = (
      'best checkpoints config.json figures labels.json lock metrics.jsonl '
      'result.json timing.jsonl vocabulary.json'
    )
    self.assertSameElements(os.listdir(self.run_path), names.split())
    self.assertSameElements(
      os.listdir(self.run_path / 'figures'),
      ['attention.png', 'learning_curves.png'],
    )

  def test_the_size_of_a_batch_changes_no_number(self):
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    for size in (1, 7, 64):
      code, out, err = self.main(
        '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
      )
      self.assertEqual((code, err), (0, f'run at step {STEPS}\n'))
      self.assertEqual(
        [line for line in out.splitlines() if '/' in line], sorted(expected)
      )

  def answer(self, *argv):
    code, out, err = self.main('--workdir=run', '--mode=answer', *argv)
    self.assertEqual(code, 0, err)
    rows = [row.split('\t') for row in out.splitlines()]
    header = ['question', 'answer', 'probability', 'hop 1', 'hop 2']
    self.assertEqual(rows[0], header)
    return rows[1:], err

  def test_a_story_is_answered_however_it_comes(self):
    plain = 'Ann went to the hall.\nBob went to the yard.\nWhere is Ann?\n'
    numbered = ''.join(
      f'{i} {line}\n' for i, line in enumerate(plain.splitlines(), 1)
    )
    pathlib.Path('plain.txt').write_text(plain)
    pathlib.Path('numbered.txt').write_text(numbered)
    pathlib.Path('known.txt').write_text(numbered.rstrip() + '\thall\t1\n')
    found = [
      self.answer(f'--text_file={name}.txt')
      for name in ('plain', 'numbered', 'known')
    ]
    with mock.patch.object(sys, 'stdin', io.StringIO(plain)):
      found.append(self.answer())
    ((row,), err) = found[0]
    self.assertEqual(found, [found[0]] * 4)
    self.assertEqual(row[:2], ['Where is Ann?', 'hall'])
    self.assertBetween(float(row[2]), 0.5, 1)
    self.assertLen(row, 5)
    for looked in row[3:]:
      self.assertRegex(looked, r'^(Ann|Bob) went to the \w+\. [01]\.\d\d$')
    self.assertEqual(err, f'run at step {STEPS}\n')

  def test_a_row_for_every_question_and_what_is_unknown_is_said(self):
    pathlib.Path('two.txt').write_text(
      'Ann flew to the hall.\nWhere is Ann?\nAnd?\n\nBob went.\nWhere is Bob?'
    )
    rows, err = self.answer('--text_file=two.txt')
    asked = [row[0] for row in rows]
    self.assertEqual(asked, ['Where is Ann?', 'And?', 'Where is Bob?'])
    self.assertIn('two.txt: words that are read as unknown: 2 (and, flew)', err)

  def test_without_attention_nothing_is_looked_at(self):
    code, out, err = self.main(
      *SMALL, '--attention=none', '--steps=2', '--workdir=none'
    )
    self.assertEqual((code, err), (0, ''), out)
    self.assertFalse(pathlib.Path('none/figures/attention.png').exists())
    code, out, _ = self.main(
      '--workdir=none', '--mode=answer', '--text_file=qa1_test.txt'
    )
    self.assertEqual(code, 0)
    header, *rows = out.splitlines()
    self.assertEqual(header, 'question\tanswer\tprobability')
    self.assertEqual({row.count('\t') for row in rows}, {2})

  def test_the_default_needs_no_file(self):
    few = {'train': 2, 'valid': 1, 'test': 1}
    with mock.patch.object(stories, 'NUM_STORIES', few):
      parts = answering.read_parts(answering.Config())
    self.assertEqual(list(parts), ['train', 'valid', 'test'])

  def test_without_a_test_file_stories_are_held_out(self):
    settings = {'train_file': 'qa1_train.txt', 'test_fraction': 0.2}
    parts = answering.read_parts(answering.Config(**settings))
    self.assertEqual(list(parts), ['train', 'valid', 'test'])
    told = [{x.story for x in part.questions} for part in parts.values()]
    for a, b in itertools.combinations(told, 2):
      self.assertEmpty(a & b)
    self.assertLen(set.union(*told) & told[2], len(told[2]))
    total = sum(map(len, told))
    self.assertAlmostEqual(len(told[2]), 0.2 * total, delta=6)
    self.assertAlmostEqual(len(told[1]), 0.1 * 0.8 * total, delta=6)
    other = answering.read_parts(answering.Config(**settings, data_seed=1))
    self.assertNotEqual(parts['test'].sha256, other['test'].sha256)

  def test_bytes_of_another_kind_are_a_sentence(self):
    latin = io.TextIOWrapper(io.BytesIO('Ann à l’hôtel.'.encode('cp1252')))
    with mock.patch.object(sys, 'stdin', latin):
      code, _, err = self.main('--workdir=run', '--mode=answer')
    self.assertEqual((code, err.count('\n')), (1, 1))
    self.assertIn('UTF-8 text, but standard input has 0xe0', err)

  @parameterized.named_parameters(
    ('missing', '--train_file=qa1_trian.txt', 'qa1_train.txt?'),
    ('pattern', '--train_file=qa9*.txt', 'none fits'),
    ('broken', '--train_file=broken.txt', 'line 2: expected a number'),
    ('story', '--train_file=story.txt', 'line 1: expected a story before'),
    ('empty', '--train_file=empty.txt', 'is empty'),
    ('no_train', '--train_file=', 'go with --train_file'),
    ('one', '--train_file=one.txt', 'cannot hold out'),
    ('attention', '--attention=genral', "did you mean 'general'"),
    ('dot', '--attention=dot', 'or --bidirectional=false'),
    ('hops', '--hops=0', 'at least 1'),
    ('rare', '--min_count=99999', 'occur at least 99999 times'),
  )
  def test_the_users_mistake_is_one_sentence(self, argument, words):
    pathlib.Path('broken.txt').write_text('1 A b.\nC d.\n')
    pathlib.Path('story.txt').write_text('1 Who?\tA\n')
    pathlib.Path('empty.txt').write_text('')
    pathlib.Path('one.txt').write_text('1 A b.\n2 Who?\tA\t1\n')
    self.assert_refused(words, SMALL, argument)

  @parameterized.parameters(
    ('', 'standard input has none'),
    ('Ann went out.', 'expected a question'),
    ('Where is Ann?', 'standard input, line 1: expected a story'),
  )
  def test_there_must_be_a_story_and_a_question(self, text, words):
    with mock.patch.object(sys, 'stdin', io.StringIO(text)):
      code, _, err = self.main('--workdir=run', '--mode=answer')
    self.assertEqual(code, 1)
    self.assertIn(words, err)
    self.assertEqual(err.count('\n'), 1)

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    command = [sys.executable, '-m', 'experiments.answering', *SMALL]
    command += [f'--steps={STEPS}', '--workdir=killed', '--checkpoint_every=20']
    root = str(pathlib.Path(answering.__file__).parents[1])
    # The programs of this process, to the bit.
    careless = jax.config.read('jax_disable_most_optimizations')
    environment = os.environ | {
      'PYTHONPATH': root,
      'JAX_DISABLE_MOST_OPTIMIZATIONS': str(int(careless)),
    }
    process = subprocess.Popen(
      command, env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
      for line in process.stdout:
        if 'step     60 ' in line:
          process.send_signal(signal.SIGKILL)
    self.assertEqual(process.returncode, -signal.SIGKILL)
    code, out, err = self.main(*command[3:])
    self.assertEqual((code, 'Going on from step' in out), (0, True), err)
    for name in ('metrics.jsonl', 'result.json'):
      self.assertEqual(
        pathlib.Path('killed', name).read_bytes(),
        (self.run_path / name).read_bytes(),
        name,
      )


if __name__ == '__main__':
  absltest.main()
