"""Tests for seqjax.data.audio.utterances."""

import collections
import io

import numpy as np
from absl.testing import absltest, parameterized
from folder_case import FolderTestCase
from scipy.io import wavfile

from seqjax import errors
from seqjax.data.audio import utterances

RATE = 8000


def wav(value, length=100, rate=RATE, channels=1):
  file = io.BytesIO()
  samples = np.full((length, channels), value, np.int16)
  wavfile.write(file, rate, samples)
  return file.getvalue()


def collect(numbers):
  """Recordings of one sample each, its number, by two speakers in turn."""
  return utterances.collect(
    [np.full(1, x, np.float32) for x in numbers],
    [(f'w{x}', 'ab'[x % 2], x) for x in numbers],
    RATE,
    'some',
  )


class CollectTest(parameterized.TestCase):
  def test_the_hash_is_of_all_that_is_learnt_from(self):
    samples = np.split(np.array([1, 0, 0], np.float32), [2])
    cut_elsewhere = np.split(np.array([1, 0, 0], np.float32), [1])
    said = [('one', 'ann', 0), ('two', 'bob', 1)]
    hashes = {
      utterances.collect(*args).sha256
      for args in (
        (samples, said, RATE, 'a'),
        (samples, said, RATE, 'b', ['a note']),
        (samples[::-1], said, RATE, 'a'),
        (samples, said[::-1], RATE, 'a'),
        (samples, said, 16000, 'a'),
        (cut_elsewhere, said, RATE, 'a'),
      )
    }
    self.assertLen(hashes, 5)

  def test_some_are_taken_in_their_order(self):
    found = utterances.take(collect(range(6)), [4, 1], 'fewer')
    self.assertEqual(found.texts, ('w4', 'w1'))
    self.assertEqual(found.speakers, ('a', 'b'))
    self.assertEqual(found.indices, (4, 1))
    self.assertEqual([x[0] for x in found.samples], [4, 1])


class WavFilesTest(FolderTestCase):
  def make(self, files):
    for name, content in files.items():
      (self.folder / name).parent.mkdir(exist_ok=True)
      self.write(name, content)

  def read(self, **options):
    return utterances.wav_files(self.folder, RATE, **options)

  def test_names_say_what_is_said_by_whom(self):
    self.make(
      {
        '10_theo_2.wav': wav(1),
        '9_theo_10.WAV': wav(2),
        'more/9_ann lee_2.wav': wav(3),
        'README.txt': 'no sound',
      }
    )
    found = self.read()
    self.assertEqual(found.texts, ('9', '10', '9'))
    self.assertEqual(found.speakers, ('theo', 'theo', 'ann lee'))
    self.assertEqual(found.indices, (10, 2, 2))
    self.assertEqual([x[0] * 2**15 for x in found.samples], [2, 1, 3])
    self.assertEqual(
      found.notes,
      (
        'In names such as 9_theo_10.WAV: 2 texts (9, 10), 2 speakers (ann lee, '
        'theo).',
      ),
    )

  def test_a_few_examples_show_how_names_were_read(self):
    self.make({f'not now_{i}.wav': wav(1) for i in range(3)})
    self.make({f'{x}_yes_9.wav': wav(1) for x in 'dbac'})
    found = self.read(name_pattern='{label}_{index}')
    self.assertEqual(
      found.notes,
      ('In names such as a_yes_9.wav: 5 texts (a_yes, b_yes, c_yes, ...).',),
    )

  @parameterized.parameters(
    ('{label}', 'a_b_1', ('a_b_1', '', 0)),
    ('{speaker}-{label}', 'ann-b_c', ('b_c', 'ann', 0)),
    ('{index}.{label}', '07.yes', ('yes', '', 7)),
    ('x+{label}_{index}', 'x+a_b_3', ('a_b', '', 3)),
  )
  def test_a_pattern_says_how_names_are_read(self, pattern, name, expected):
    self.make({f'{name}.wav': wav(1)})
    found = self.read(name_pattern=pattern)
    (each,) = zip(found.texts, found.speakers, found.indices, strict=True)
    self.assertEqual(each, expected)

  def test_what_is_converted_is_counted(self):
    self.make(
      {
        'a_x_1.wav': wav(8, 200, 16000, channels=2),
        'b_x_1.wav': wav(8, 200, 16000),
        'c_x_1.wav': wav(8),
      }
    )
    found = self.read()
    self.assertEqual([len(x) for x in found.samples], [100] * 3)
    self.assertEqual(
      found.notes[1:],
      (
        'Files of 16,000 Hz, brought to 8,000: 2.',
        'Files of 2 channels, made one: 1.',
      ),
    )

  def test_a_table_says_what_names_do_not(self):
    self.make({f'{x}.wav': wav(i) for i, x in enumerate('abc')})
    self.write(
      't.tsv', 'who\ttext\tfile\nX\thow  are you\tc.wav\nY\tOh.\ta.wav'
    )
    path = self.folder / 't.tsv'
    found = self.read(transcripts=path, speaker_column='who')
    self.assertEqual(found.texts, ('how are you', 'Oh.'))
    self.assertEqual(found.speakers, ('X', 'Y'))
    self.assertEqual([x[0] * 2**15 for x in found.samples], [2, 0])
    self.assertEqual(
      found.notes, (f'Left out, for {path} does not name them: 1.',)
    )
    self.assertEqual(self.read(transcripts=path).speakers, ('', ''))

  @parameterized.parameters(
    (
      'file,text\na.wav,yes\nd.wav,no',
      "line 3: no wav file is called 'd.wav'; the first of 1 is 'a.wav'.",
    ),
    ('file,text\na.wav,yes\n./a.wav,n', 'line 3: a.wav stands there a second'),
    ('file,text\na.wav,\n', 'line 2'),
    ('file,words\na.wav,yes\n', "'text'"),
  )
  def test_a_wrong_table_is_a_sentence(self, table, words):
    self.make({'a.wav': wav(1), 't.csv': table})
    with self.assertRaisesRegex(errors.UserError, words):
      self.read(transcripts=self.folder / 't.csv')

  @parameterized.parameters(
    ('{label}_{speaker}', 'a.wav', 'expected a file called'),
    ('{speaker}_{index}', 'a_1.wav', 'with {label}'),
    ('{label}_{label}', 'a_a.wav', 'nothing twice'),
    ('{word}', 'a.wav', "Unknown field of a name pattern 'word'"),
  )
  def test_names_that_do_not_fit_are_a_sentence(self, pattern, name, words):
    self.make({name: wav(1)})
    with self.assertRaisesRegex(errors.UserError, words):
      self.read(name_pattern=pattern)

  def test_what_is_no_sound_is_named(self):
    self.make({'a_x_1.wav': wav(1), 'b_x_1.wav': wav(1)[:-1]})
    with self.assertRaisesRegex(errors.UserError, r'b_x_1\.wav is cut short'):
      self.read()


class JoinedTest(parameterized.TestCase):
  def join(self, whole, *args, **options):
    return [
      (tuple(x.astype(int).tolist()), text)
      for x, text in utterances.joined(whole, *args, **options)
    ]

  def test_every_recording_of_a_pass_is_in_an_utterance_of_its_speaker(self):
    whole = collect(range(31))
    found = self.join(whole, 3, 7, passes=5)
    sizes = collections.Counter(len(ids) for ids, _ in found)
    self.assertEqual(set(sizes), {3, 4, 5, 6, 7})
    heard = collections.Counter()
    for ids, text in found:
      self.assertEqual(text, ' '.join(f'w{i}' for i in ids))
      self.assertLen({i % 2 for i in ids}, 1)
      heard.update(ids)
    self.assertEqual(set(heard), set(range(31)))
    self.assertGreaterEqual(min(heard.values()), 5)
    # Only the last utterance of a speaker is filled up, by six at most.
    self.assertLess(sum(heard.values()), 5 * (31 + 2 * 6) + 1)

  def test_it_depends_on_the_seed_alone(self):
    whole = collect(range(20))
    found = self.join(whole, 2, 4, passes=2, data_seed=3)
    self.assertEqual(found, self.join(whole, 2, 4, passes=2, data_seed=3))
    self.assertNotEqual(found, self.join(whole, 2, 4, passes=2, data_seed=4))
    # Another pass, other neighbours.
    self.assertNotEqual(found[: len(found) // 2], found[len(found) // 2 :])

  def test_alone_they_are_as_they_were(self):
    found = self.join(collect(range(6)), 1, 1)
    self.assertCountEqual(found, [((i,), f'w{i}') for i in range(6)])

  def test_a_speaker_with_few_is_heard_again(self):
    ((ids, text),) = self.join(collect([4]), 3, 3)
    self.assertEqual((ids, text), ((4, 4, 4), 'w4 w4 w4'))

  def test_speeds_are_of_training_and_within_bounds(self):
    whole = utterances.collect(
      [np.ones(1000, np.float32)] * 40,
      [('yes', f's{i}', 0) for i in range(40)],
      RATE,
      'some',
    )
    lengths = {
      len(x) for x, _ in utterances.joined(whole, 1, 1, speed_change=0.1)
    }
    self.assertGreater(len(lengths), 8)
    self.assertBetween(min(lengths), 900, 930)
    self.assertBetween(max(lengths), 1070, 1100)


if __name__ == '__main__':
  absltest.main()
