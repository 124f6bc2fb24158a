"""Tests for seqjax.data.audio.wav."""

import io
import struct

import numpy as np
from absl.testing import absltest, parameterized
from folder_case import FolderTestCase
from scipy.io import wavfile

from seqjax import errors
from seqjax.data.audio import wav

RATE = 8000


def encode(samples, rate=RATE):
  file = io.BytesIO()
  wavfile.write(file, rate, samples)
  return file.getvalue()


def encode_24_bits(samples, rate=RATE):
  """A file of 24 bits, which scipy reads but does not write."""
  body = b''.join(int(x).to_bytes(3, 'little', signed=True) for x in samples)
  header = struct.pack('<HHIIHH', 1, 1, rate, 3 * rate, 3, 24)
  chunks = b'fmt ' + struct.pack('<I', len(header)) + header
  chunks += b'data' + struct.pack('<I', len(body)) + body
  return b'RIFF' + struct.pack('<I', 4 + len(chunks)) + b'WAVE' + chunks


def spoilt(content, at, value):
  """The same with another number of 16 bits in the header."""
  return content[:at] + struct.pack('<H', value) + content[at + 2 :]


def said(content, size, at=40):
  """The same that says that its sound has so many bytes."""
  return content[:at] + struct.pack('<I', size) + content[at + 4 :]


def beep(hertz, rate, seconds=0.5):
  t = np.arange(round(rate * seconds)) / rate
  return np.sin(2 * np.pi * hertz * t).astype(np.float32)


class DecodeTest(parameterized.TestCase):
  @parameterized.parameters(
    (np.uint8, [0, 128, 192], [-1, 0, 0.5]),
    (np.int16, [-(2**15), 0, 2**14], [-1, 0, 0.5]),
    (np.int32, [-(2**31), 0, 2**30], [-1, 0, 0.5]),
    (np.float32, [-1, 0, 1.5], [-1, 0, 1.5]),
    (np.float64, [-1, 0, 0.5], [-1, 0, 0.5]),
  )
  def test_every_depth_has_one_scale(self, dtype, values, expected):
    found = wav.decode(encode(np.array(values * 40, dtype)), 'a.wav')
    self.assertEqual(found.rate, RATE)
    self.assertEqual(found.samples.dtype, np.float32)
    np.testing.assert_array_equal(found.samples[:, 0], expected * 40)

  def test_24_bits_are_read(self):
    content = encode_24_bits([-(2**23), 0, 2**22, -1] * 30)
    found = wav.decode(content, 'a.wav').samples[:, 0]
    np.testing.assert_array_equal(found, [-1, 0, 0.5, -(2.0**-23)] * 30)

  def test_channels_stay_apart_until_they_are_made_one(self):
    left, right = np.full(100, 0.5), np.full(100, -0.25)
    content = encode(np.stack([left, right], 1).astype(np.float32))
    found = wav.decode(content, 'a.wav')
    self.assertEqual(found.samples.shape, (100, 2))
    np.testing.assert_array_equal(wav.mono(found, RATE), np.full(100, 0.125))

  def test_a_title_in_the_file_is_no_sound_and_no_warning(self):
    content = encode(np.ones(100, np.int16))
    title = b'note' + struct.pack('<I', 4) + b'abcd'
    content = content[:4] + struct.pack('<I', len(content) + 4) + content[8:]
    found = wav.decode(content + title, 'a.wav')
    self.assertLen(found.samples, 100)

  @parameterized.parameters(
    (lambda x: b'', 'damaged or of another kind'),
    (lambda x: b'ID3' + x, 'damaged or of another kind'),
    (lambda x: x[:50], 'says that it has 200 bytes of sound, and has 6'),
    (lambda x: x[:-1], 'cut short'),
    (lambda x: said(x, 1000), 'cut short'),
    (lambda x: said(x, 0x7FFFEFFF), 'cut short'),
    (lambda x: x[:40], 'damaged or of another kind'),
    (lambda x: b'RIFX' + x[4:], 'damaged or of another kind'),
    (lambda x: spoilt(x, 34, 4), 'has samples of 4 bits in format 1'),
    (lambda x: spoilt(x, 34, 12), 'has samples of 12 bits in format 1'),
    (lambda x: spoilt(x, 20, 7), 'has samples of 16 bits in format 7'),
    (lambda x: spoilt(x, 22, 2), 'is damaged'),
    (lambda x: spoilt(x[:34] + x[36:], 16, 14), 'some.wav is damaged: '),
    (lambda x: x[:16] + b'\xff' * 8 + x[24:], 'damaged'),
    (lambda x: encode(np.ones(0, np.int16)), '10 ms, but some.wav has 0:'),
    (lambda x: spoilt(said(x, 0), 4, 236), 'but some.wav has 0:'),
    (lambda x: encode(np.ones(79, np.int16)), 'at least 10 ms'),
    (lambda x: encode(np.full(100, np.nan)), 'no finite numbers'),
    (lambda x: encode(np.full(100, 1e35)), 'of 1,000,000 and more'),
    (lambda x: encode(np.ones(100, np.int16), 1), 'expected sound of 100 to'),
  )
  def test_what_is_no_sound_is_a_sentence(self, spoil, words):
    content = spoil(encode(np.ones(100, np.int16)))
    with self.assertRaisesRegex(errors.UserError, words) as caught:
      wav.decode(content, 'some.wav')
    self.assertIn('some.wav', str(caught.exception))

  @parameterized.parameters(
    *((0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000)),
    *((0, 0), (36, 0)),
  )
  def test_what_came_from_a_pipe_is_read_to_its_end(self, of_file, of_sound):
    content = encode(np.arange(100, dtype=np.int16))
    title = b'LIST' + struct.pack('<I', 3) + b'abc\0'
    content = content[:36] + title + content[36:]
    whole = wav.decode(content, 'a.wav')
    content = content[:4] + struct.pack('<I', of_file) + content[8:]
    # It may end in the middle of a sample.
    content = said(content, of_sound, at=52) + b'?'
    found = wav.decode(content, 'a.wav')
    np.testing.assert_array_equal(found.samples, whole.samples)
    self.assertEqual((whole.streamed, found.streamed), (False, True))
    self.assertEqual(
      wav.changes(found, RATE),
      ['without a length in the header, read to the end'],
    )

  def test_the_format_may_stand_behind(self):
    content = encode(np.arange(100, dtype=np.int16))
    code = struct.pack('<HHIH', 22, 16, 4, 1) + bytes(14)
    longer = spoilt(spoilt(content[:36] + code, 16, 40), 20, 0xFFFE)
    found = wav.decode(longer + content[36:], 'a.wav')
    np.testing.assert_array_equal(
      found.samples, wav.decode(content, 'a.wav').samples
    )

  def test_any_damage_of_the_header_is_a_sentence_or_harmless(self):
    random, content = np.random.RandomState(0), encode(np.ones(200, np.int16))
    refused = 0
    for _ in range(500):
      damaged = bytearray(content)
      damaged[random.randint(44)] = random.randint(256)
      try:
        wav.decode(bytes(damaged), 'a.wav')
      except errors.UserError:
        refused += 1
    self.assertBetween(refused, 100, 499)


class ReadTest(FolderTestCase):
  def test_a_file_is_read_by_its_name(self):
    path = self.write('a.wav', encode(np.ones(100, np.int16)))
    self.assertLen(wav.read(path).samples, 100)
    with self.assertRaisesRegex(errors.UserError, r'did you mean .*a\.wav'):
      wav.read(self.folder / 'b.wav')


class ResampledTest(parameterized.TestCase):
  @parameterized.parameters(16000, 44100, 11025, 4000)
  def test_a_tone_is_the_same_at_another_rate(self, rate):
    found = wav.mono(wav.Wav(beep(440, rate)[:, None], rate), RATE)
    expected = beep(440, RATE)
    self.assertEqual(found.dtype, np.float32)
    self.assertLess(abs(len(found) - len(expected)), 2)
    # But for its ends, beyond which there is silence.
    middle = slice(200, 3800)
    np.testing.assert_allclose(found[middle], expected[middle], atol=0.01)

  def test_slower_is_longer_and_lower(self):
    found = wav.resampled(beep(440, RATE), 110, 100)
    self.assertLen(found, 4400)
    loudest = np.abs(np.fft.rfft(found)).argmax() * RATE / len(found)
    self.assertAlmostEqual(loudest, 400, delta=2)

  def test_the_same_rate_changes_nothing(self):
    samples = beep(440, RATE)
    self.assertIs(wav.resampled(samples, 100, 100), samples)


if __name__ == '__main__':
  absltest.main()
