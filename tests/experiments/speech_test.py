"""Speech end to end, small: one run is trained and used by most tests."""

import os
import pathlib
import signal
import subprocess
import sys
import tarfile

import jax
import numpy as np
from absl.testing import absltest, parameterized
from experiment_case import ExperimentTestCase
from scipy.io import wavfile

from experiments import speech

RATE = 4000
HERTZ = {'low': 300, 'high': 1200}
SMALL = (
  *('--wav_path=said', f'--sample_rate={RATE}', '--num_mels=8'),
  *('--hidden_size=12', '--batch_size=8', '--max_joined=4', '--passes=2'),
  *('--max_compilations=1', '--learning_rate=0.03', '--dropout_rate=0'),
  *('--steps=60', '--eval_every=30', '--test_below=2'),
)


def beep(word, seconds=0.09, rate=RATE, seed=0):
  """A word, with some silence around it."""
  random = np.random.RandomState(seed)
  t = np.arange(round(rate * seconds)) / rate
  sound = np.sin(2 * np.pi * HERTZ[word] * t) * np.hanning(len(t))
  noise = random.randn(len(t)) * 0.01
  return (10_000 * (sound + noise)).astype(np.int16)


def write(path, words, rate=RATE, channels=1):
  sound = np.concatenate([beep(word, rate=rate) for word in words.split()])
  wavfile.write(path, rate, np.stack([sound] * channels, 1))


def without(arguments, *names):
  return [x for x in arguments if x.split('=')[0].strip('-') not in names]


class SpeechTest(ExperimentTestCase):
  module = speech

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('said').mkdir()
    for index in range(10):
      for seed, speaker in enumerate(('ann', 'bob', 'cy')):
        for word in HERTZ:
          samples = beep(word, 0.07 + 0.01 * seed, seed=10 * index + seed)
          wavfile.write(f'said/{word}_{speaker}_{index}.wav', RATE, samples)
    cls.trained = cls.main(*SMALL, '--workdir=run')

  def test_it_learns_and_says_what_that_is_worth(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''), out)
    for part in (
      'In names such as high_ann_0.wav: 2 texts (high, low), 3 speakers (ann, ',
      'train, said: 43 recordings',
      'test, said: 12 recordings',
      'Baseline, test word error rate: most frequent word 0.',
      'mean spectrum of each recording by itself 0.0',
      '2 words. Batches: ',
      'symbols/s',
      'Test word error rate 0.0',
    ):
      self.assertIn(part, out)
    self.assertEqual(out.count('(right: '), 3)
    metrics = self.result()['metrics']
    self.assertLess(metrics['test/word_error_rate'], 0.1)
    self.assertLess(metrics['test/character_error_rate'], 0.1)
    self.assertTrue(pathlib.Path('run/figures/learning_curves.png').exists())

  def test_the_size_of_a_batch_changes_no_number(self):
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    for size in (1, 7, 64):
      code, out, err = self.main(
        '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
      )
      self.assertEqual((code, err), (0, 'run at step 60\n'))
      measured_with, *found = out.splitlines()
      self.assertIn(f'--eval_batch_size={size} --beam_size=1', measured_with)
      self.assertEqual(found, sorted(expected))

  def test_a_beam_is_about_as_good(self):
    code, out, _ = self.main(
      '--workdir=run', '--mode=evaluate', '--beam_size=4'
    )
    self.assertEqual(code, 0)
    rates = dict(line.split() for line in out.splitlines()[1:])
    self.assertLess(float(rates['test/word_error_rate']), 0.1)

  def test_files_are_written_down_whatever_their_rate(self):
    said = {'a.wav': 'low high low', 'b.wav': 'high low high low'}
    write('a.wav', said['a.wav'])
    write('b.wav', said['b.wav'], rate=2 * RATE, channels=2)
    code, out, err = self.main(
      '--workdir=run', '--mode=predict', '--wav_files=a.wav,b.wav'
    )
    self.assertEqual(code, 0, err)
    self.assertEqual(dict(x.split('\t') for x in out.splitlines()), said)
    self.assertEqual(
      err,
      'b.wav: of 2 channels, made one; of 8,000 Hz, brought to 4,000.\n'
      'run at step 60\n',
    )

  def test_a_folder_is_written_down_file_by_file(self):
    pathlib.Path('asked/in').mkdir(parents=True)
    said = {
      'd.wav': 'low high low',
      'asked/b, c.wav': 'high low high low',
      'asked/in/a.wav': 'low high low high',
    }
    for path, words in said.items():
      write(path, words)
    code, out, err = self.main(
      '--workdir=run', '--mode=predict', '--wav_files=d.wav,asked'
    )
    self.assertEqual(code, 0, err)
    rows = [f'{path}\t{words}' for path, words in said.items()]
    self.assertEqual(out.splitlines(), rows)

  def test_nobody_is_heard_who_was_held_out(self):
    code, out, err = self.main(
      *without(SMALL, 'test_below', 'steps'),
      *('--held_out_speaker=bob', '--valid_speaker=cy', '--steps=2'),
      '--workdir=held_out',
    )
    self.assertEqual((code, err), (0, ''), out)
    for part in ('train', 'valid', 'test'):
      self.assertIn(f'{part}, said: 20 recordings', out)
    self.assertEqual(out.count(', of 1 speaker.'), 3)

  def test_sentences_of_a_table_are_learnt_by_their_letters(self):
    pathlib.Path('table').mkdir()
    lines = ['file,text']
    for i in range(12):
      words = ' '.join(np.random.RandomState(i).permutation(list(HERTZ) * 2))
      write(f'table/{i}.wav', words)
      lines.append(f'table/{i}.wav,{words}')
    # Said too fast: more letters than there are steps.
    write('table/fast.wav', 'low')
    lines.append(f'table/fast.wav,{"high " * 9}')
    pathlib.Path('table.csv').write_text('\n'.join(lines))
    with tarfile.open('table.tar.xz', 'w:xz') as archive:
      archive.add('table')
    code, out, err = self.main(
      *without(SMALL, 'wav_path', 'test_below', 'steps', 'max_joined'),
      *('--wav_path=table.tar.xz', '--transcripts=table.csv', '--steps=2'),
      *('--min_joined=1', '--max_joined=1', '--unit=characters'),
      *('--frames_per_step=2', '--data_seed=1', '--workdir=letters'),
    )
    self.assertEqual((code, err), (0, ''), out)
    self.assertRegex(out, 'train, table.tar.xz: 11 recordings, .* minutes\\.')
    self.assertIn('7 characters. Batches: ', out)
    self.assertIn('with more characters than steps of 20 ms: 2 of 22', out)

  @parameterized.named_parameters(
    ('folder', '--wav_path=sayd', 'did you mean'),
    ('pattern', '--name_pattern={index}-{label}', '{label}.wav, got'),
    ('speaker', '--held_out_speaker=any --test_below=0', "Did you mean 'ann'"),
    (
      'valid',
      '--held_out_speaker=ann --valid_speaker=ann --test_below=0',
      'Known: bob, cy',
    ),
    ('all', '--test_below=10', '60 of 60'),
    ('joined', '--min_joined=5', 'at most --max_joined=4'),
    ('bands', '--num_mels=100', '100 bands are too many'),
    ('steps', '--frames_per_step=90', 'to make batches of, got none'),
    ('both', '--held_out_speaker=ann', 'not both'),
    ('table', '--transcripts=none.csv', 'does not exist'),
    ('cell', '--cell=ltsm', "did you mean 'lstm'"),
  )
  def test_the_users_mistake_is_one_sentence(self, arguments, words):
    self.assert_refused(words, SMALL, *arguments.split())

  def test_a_broken_file_is_named_before_training_begins(self):
    pathlib.Path('broken').mkdir()
    write('broken/low_ann_1.wav', 'low')
    content = pathlib.Path('broken/low_ann_1.wav').read_bytes()
    pathlib.Path('broken/low_ann_2.wav').write_bytes(content[:-9])
    self.assert_refused('low_ann_2.wav is cut', SMALL, '--wav_path=broken')

  @parameterized.parameters(
    ('', 'needs --wav_files'),
    ('none.wav', 'none.wav does not exist'),
    ('speech.txt', 'expected a wav file'),
  )
  def test_there_must_be_a_sound_to_write_down(self, files, words):
    pathlib.Path('speech.txt').write_text('no sound')
    code, _, err = self.main(
      '--workdir=run', '--mode=predict', f'--wav_files={files}'
    )
    self.assertEqual((code, err.count('\n')), (1, 1))
    self.assertIn(words, err)

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    command = [sys.executable, '-m', 'experiments.speech', *SMALL]
    command += ['--workdir=killed', '--checkpoint_every=10']
    root = str(pathlib.Path(speech.__file__).parents[1])
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


if __name__ == '__main__':
  absltest.main()
