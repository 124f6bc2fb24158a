"""Captioning end to end, small: one run is trained and used by most tests."""

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
from PIL import Image

from experiments import captioning
from seqjax.data.vision import digit_canvas
from seqjax.training import logs

COLOURS = {'red': (255, 0, 0), 'green': (0, 255, 0), 'blue': (0, 0, 255)}
SMALL = (
  *('--pictures=pictures', '--train_file=captions.txt', '--test_file=test.csv'),
  *('--picture_size=8', '--convolutions=4,6,8', '--hidden_size=16'),
  *('--embedding_size=8', '--cell=gru', '--batch_size=16', '--steps=90'),
  *('--learning_rate=0.02', '--max_compilations=1', '--eval_every=30'),
  *('--checkpoint_every=30', '--max_written=12', '--dropout_rate=0'),
  '--attention_penalty=0',
)


def draw(path, left, right):
  """Two colours side by side, not of the size that is read."""
  pixels = np.zeros((10, 12, 3), np.uint8)
  pixels[:, :6], pixels[:, 6:] = COLOURS[left], COLOURS[right]
  Image.fromarray(pixels).save(path)


def make_data():
  """Pictures with two captions each, of the same words."""
  folder = pathlib.Path('pictures')
  folder.mkdir()
  random = np.random.RandomState(0)
  rows = []
  for i in range(90):
    left, right = random.choice(list(COLOURS), 2)
    draw(folder / f'{i}.png', left, right)
    rows.append([f'{i}.png,{left} left of {right}'])
    if i >= 80:
      rows[-1].append(f'{i}.png,"{right}, and {left} to its left"')
  Image.fromarray(np.full((9, 9), 200, np.uint8)).save(folder / 'grey.png')
  rows[0].append('grey.png,nothing')
  write = lambda rows: '\n'.join(['image,caption', *sum(rows, []), ''])
  pathlib.Path('captions.txt').write_text(write(rows[:70]))
  pathlib.Path('test.csv').write_text(write(rows[70:]))


class CaptioningTest(experiment_case.ExperimentTestCase):
  """In a folder with data and a finished run, `run`."""

  module = captioning

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    make_data()
    cls.trained = cls.main(*SMALL, '--workdir=run')

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''), out)
    for part in (
      'train, captions.txt: 64 pictures of 8 x 8 x 3, 64 captions',
      'Pictures of train grey among coloured ones, read as coloured: 1 of 71',
      'Pictures of test scaled to 8 x 8: 20 of 20, the first 70.png, from 12',
      'valid, captions.txt: 7 pictures',
      'test, test.csv: 20 pictures of 8 x 8 x 3, 30 captions',
      'most frequent caption',
      'nearest picture',
      'test bleu ',
      'of the captions exactly right',
      'Measured by bleu nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp',
      '70.png: ',
      '--mode=caption --image=',
    ):
      self.assertIn(part, out)

  def test_it_learns_what_it_sees(self):
    lines = logs.read_metrics('run/metrics.jsonl')
    exact = {x['step']: x['valid/exact'] for x in lines if 'valid/exact' in x}
    self.assertEqual(list(exact), [0, 30, 60, 90])
    self.assertEqual(exact[0], 0)
    self.assertGreater(self.result()['metrics']['test/exact'], 0.9)

  def test_the_run_directory_is_complete(self):
    names = (
      'best checkpoints config.json figures lock metrics.jsonl pictures.json '
      'result.json samples timing.jsonl tokenizer.json vocabulary.json'
    )
    self.assertSameElements(os.listdir('run'), names.split())
    drawn = [f'looked_at_{i}.png' for i in range(4)]
    self.assertSameElements(
      os.listdir('run/figures'), ['learning_curves.png', *drawn]
    )

  def test_the_size_of_a_batch_changes_no_number(self):
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    for size in (1, 7, 64):
      code, out, err = self.main(
        '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
      )
      self.assertEqual((code, err), (0, 'run at step 90\n'))
      self.assertEqual(out.splitlines()[1:], sorted(expected))

  def caption(self, *argv):
    """The cells of the rows, and what is said beside them."""
    code, out, err = self.main('--workdir=run', '--mode=caption', *argv)
    self.assertEqual(code, 0, err)
    step, *said = err.splitlines()
    self.assertEqual(step, 'run at step 90')
    return [line.split('\t') for line in out.splitlines()], said

  def test_a_picture_is_captioned_whatever_becomes_of_the_data(self):
    draw('new.bmp', 'blue', 'red')
    os.rename('pictures', 'elsewhere')
    try:
      rows, said = self.caption('--image=new.bmp')
    finally:
      os.rename('elsewhere', 'pictures')
    path = os.path.abspath('new.bmp')
    self.assertEqual(rows, [[path, 'blue left of red']])
    words = f'Pictures scaled to 8 x 8: 1 of 1, the first {path}, from 12 x 10.'
    self.assertEqual(said, [words])

  def test_a_caption_that_is_cut_is_counted(self):
    rows, said = self.caption('--image=run/samples/0.png', '--max_written=2')
    self.assertLen(rows[0][1].split(), 2)
    words = 'not end within --max_written=2, and are cut: 1 of 1.'
    self.assertEqual(len(said), 1)
    self.assertEndsWith(said[0], words)

  def test_the_best_of_a_beam_come_with_their_scores(self):
    folder = pathlib.Path('some')
    folder.mkdir()
    for name, colours in (('10', 'red green'), ('9', 'green green')):
      draw(folder / f'{name}.png', *colours.split())
    (folder / 'notes.pdf').write_text('No picture.')
    rows, said = self.caption(
      '--image_folder=some', '--beam_size=3', '--n_best=2'
    )
    for line, words in zip(
      said,
      ('are no pictures, left out: 1', 'scaled', 'log-probability / tokens'),
      strict=True,
    ):
      self.assertIn(words, line)
    self.assertEqual([row[0] for row in rows], ['9.png'] * 2 + ['10.png'] * 2)
    self.assertEqual(rows[0][1], 'green left of green')
    self.assertEqual(rows[2][1], 'red left of green')
    for best, second in (rows[:2], rows[2:]):
      self.assertGreater(float(best[2]), float(second[2]))

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    command = [sys.executable, '-m', 'experiments.captioning', *SMALL]
    command.append('--workdir=killed')
    root = str(pathlib.Path(captioning.__file__).parents[1])
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
        if 'step     30 ' in line:
          process.send_signal(signal.SIGKILL)
    self.assertEqual(process.returncode, -signal.SIGKILL)
    code, _, err = self.main(*command[3:])
    self.assertEqual(code, 0, err)
    for name in ('metrics.jsonl', 'result.json'):
      self.assertEqual(
        pathlib.Path('killed', name).read_bytes(),
        pathlib.Path('run', name).read_bytes(),
        name,
      )

  @parameterized.named_parameters(
    ('missing', '--train_file=more.csv', '1 of 2 captions are of pictures'),
    ('no_file', '--train_file=captoins.txt', 'captions.txt?'),
    ('overlap', '--test_file=captions.txt', '71 of test are in train as well'),
    ('no_pictures', '--pictures=', 'go together'),
    ('no_captions', '--train_file= --test_file=', 'go together'),
    ('folder', '--pictures=pictuers', 'pictuers is neither'),
    ('damaged', '--train_file=bad.csv', 'bad.png cannot be read'),
    ('rare', '--min_count=9999', 'occur at least 9999 times'),
    ('attention', '--attention=soft', 'expected one of'),
    ('cell', '--cell=ltsm', "did you mean 'lstm'"),
  )
  def test_the_users_mistake_is_one_sentence(self, arguments, words):
    table = 'image,caption\n{}.png,a\n0.png,b\n'
    pathlib.Path('more.csv').write_text(table.format('none'))
    pathlib.Path('bad.csv').write_text(table.format('bad'))
    pathlib.Path('pictures/bad.png').write_bytes(b'\x89PNG')
    try:
      self.assert_refused(words, SMALL, *arguments.split())
    finally:
      pathlib.Path('pictures/bad.png').unlink()

  @parameterized.parameters(
    ('--image=', 'needs --image=FILE'),
    ('--image=x.png --image_folder=pictures', 'not both'),
    ('--image=x.png', 'x.png does not exist'),
    ('--image=captions.txt', 'cannot be read as one'),
    ('--image=0.png --n_best=2', 'at most --beam_size=1'),
  )
  def test_there_must_be_a_picture_to_caption(self, arguments, words):
    code, _, err = self.main(
      '--workdir=run', '--mode=caption', *arguments.split()
    )
    self.assertEqual(code, 1)
    self.assertIn(words, err)

  @parameterized.parameters('additive', 'none')
  def test_the_default_draws_its_own_pictures(self, attention):
    small = {'train': 60, 'valid': 10, 'test': 3}
    run = f'digits_{attention}'
    with mock.patch.object(digit_canvas, 'NUMBERS', small):
      code, out, err = self.main(
        *('--steps=2', '--convolutions=4,4,4', '--hidden_size=8'),
        *('--attention_penalty=0.1', '--word_dropout_rate=0.1'),
        *('--input_feeding', f'--attention={attention}', f'--workdir={run}'),
      )
    self.assertEqual((code, err), (0, ''), out)
    # Two of the three test captions are of two words.
    self.assertIn('Most test captions have fewer than 4 words', out)
    self.assertIn('\ntest chrf ', out)
    figures = set(os.listdir(f'{run}/figures')) - {'learning_curves.png'}
    self.assertLen(os.listdir(f'{run}/samples'), 3)
    metrics = self.result(run)['metrics']
    if attention == 'none':
      self.assertNotIn('test/attention_hits', metrics)
      self.assertEmpty(figures)
    else:
      self.assertIn('the attention of its step is greatest: ', out)
      self.assertBetween(metrics['test/attention_hits'], 0, 1)
      self.assertLen(figures, 3)


if __name__ == '__main__':
  absltest.main()
