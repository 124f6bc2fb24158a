"""Sound in wav files."""

import math
import os
import struct
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data import reading

# What is recorded, in Hz.
_RATES = 100, 10**6
_LOUDEST = 10**6
# Format and bits of a sample -> its type; of 24 bits there is none.
_KINDS = {
  (1, 8): 'u1',
  (1, 16): '<i2',
  (1, 24): '',
  (1, 32): '<i4',
  (3, 32): '<f4',
  (3, 64): '<f8',
}
_EXTENSIBLE = 0xFFFE  # The format stands further behind.
# Who writes into a pipe knows no length: ffmpeg says 0xffffffff bytes, sox and
# espeak some less than 2 GiB, others 0.
_ENDLESS = 0x7FFFF000


class Wav(NamedTuple):
  """What a file holds."""

  samples: np.ndarray  # [n, channels] float32; whole numbers made -1 to 1
  rate: int  # samples of a channel in a second
  streamed: bool = False  # It does not say how long it is.


def read(path: str | os.PathLike) -> Wav:
  """Reads a wav file: 8, 16, 24 or 32 bits, or floats.

  Raises:
    UserError: the file is missing or unreadable, or as `decode`.
  """
  return decode(reading.read_bytes(path), path)


def decode(content: bytes, path: str | os.PathLike) -> Wav:
  """The sound in the bytes of a wav file.

  Args:
    content: of the file.
    path: where it comes from, for a message.

  Raises:
    UserError: it is no wav file, of a kind that is not known, cut short, empty
      or below 10 ms, or has a sample that is no number.
  """
  chunks = dict(_chunks(content))
  if b'fmt ' not in chunks or b'data' not in chunks:
    raise _wrong(path, 'is damaged or of another kind')
  kind, channels, rate = _header(path, content, *chunks[b'fmt '])
  body, streamed = _body(path, content, *chunks[b'data'])
  samples = _samples(body, kind, channels)
  if not _RATES[0] <= rate <= _RATES[1]:
    raise errors.UserError(
      f'expected sound of {_RATES[0]:,} to {_RATES[1]:,} Hz, but {path} has '
      f'{rate:,} Hz: take it away, or record it again.'
    )
  if len(samples) < rate / 100:
    raise errors.UserError(
      f'expected sound of at least 10 ms, but {path} has '
      f'{1000 * len(samples) / rate:.3g}: take it away, or record it again.'
    )
  # Far above 1, the loudest that there is, sums of squares overflow.
  if not (np.abs(samples) < _LOUDEST).all():
    raise errors.UserError(
      f'{path} has samples that are no finite numbers, or of {_LOUDEST:,} and '
      'more, where 1 is the loudest: write it again.'
    )
  return Wav(samples, rate, streamed)


def changes(wav: Wav, rate: int) -> list[str]:
  """What is made of a sound on its way through `mono`, in words.

  >>> changes(Wav(np.ones((160, 2), np.float32), 16000), 8000)
  ['of 2 channels, made one', 'of 16,000 Hz, brought to 8,000']
  """
  said = []
  if wav.streamed:
    said.append('without a length in the header, read to the end')
  if (channels := wav.samples.shape[1]) > 1:
    said.append(f'of {channels} channels, made one')
  if wav.rate != rate:
    said.append(f'of {wav.rate:,} Hz, brought to {rate:,}')
  return said


def mono(wav: Wav, rate: int) -> np.ndarray:
  """One channel, the mean of all, at another rate.

  Args:
    wav: of any rate and any number of channels.
    rate: samples in a second, Hz.

  Returns:
    [n] float32.

  >>> stereo = Wav(np.ones((16000, 2), np.float32), 16000)
  >>> mono(stereo, 8000).shape
  (8000,)
  """
  return resampled(wav.samples.mean(axis=1), rate, wav.rate)


def resampled(samples: np.ndarray, up: int, down: int) -> np.ndarray:
  """Sound at up / down times the rate, [n up / down].

  Played at the old rate, it is slower and lower by the same factor.

  Args:
    samples: [n] float32.
    up, down: whole numbers of at least 1.
  """
  from scipy import signal

  divisor = math.gcd(up, down)
  if up == down:
    return samples
  return signal.resample_poly(samples, up // divisor, down // divisor)


def _chunks(content):
  """Name, and place and size, of each chunk up to the sound."""
  if content[:4] != b'RIFF' or content[8:12] != b'WAVE':
    return
  name, start = b'', 12
  while name != b'data' and start + 8 <= len(content):
    name, size = struct.unpack_from('<4sI', content, start)
    yield name, (start + 8, size)
    start += 8 + size + size % 2


def _header(path, content, start, size):
  """The type of a sample, channels and rate."""
  if size < 16:
    raise _wrong(path, 'is damaged')
  code, channels, rate, _, block, bits = struct.unpack_from(
    '<HHIIHH', content, start
  )
  if code == _EXTENSIBLE and size >= 26:
    (code,) = struct.unpack_from('<H', content, start + 24)
  if (code, bits) not in _KINDS:
    raise _wrong(path, f'has samples of {bits} bits in format {code}')
  if not channels or block != channels * bits // 8:
    raise _wrong(path, 'is damaged')
  return _KINDS[code, bits], channels, rate


def _body(path, content, start, size):
  """The bytes of the sound, and whether nothing says how many they are."""
  body = content[start : start + size]
  file_size = 8 + int.from_bytes(content[4:8], 'little')
  if len(body) < size >= _ENDLESS or size == 0 and file_size != len(content):
    return content[start:], True
  if len(body) < size:
    raise errors.UserError(
      f'{path} is cut short: it says that it has {size:,} bytes of sound, and '
      f'has {len(body):,}. Fetch or record it again.'
    )
  return body, False


def _samples(body, kind, channels):
  """[n, channels] float32: whole numbers in [-1, 1), floats as they are."""
  depth = np.dtype(kind).itemsize if kind else 3
  # What is less than a sample is none.
  body = body[: len(body) // (depth * channels) * (depth * channels)]
  if not kind:
    # 24 bits as the upper ones of 32.
    wide = np.zeros((len(body) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(body, np.uint8).reshape(-1, 3)
    body, kind = wide.tobytes(), '<i4'
  samples = np.frombuffer(body, kind).reshape(-1, channels)
  if kind == 'u1':
    return (samples.astype(np.float32) - 128) / 128
  if samples.dtype.kind == 'i':
    samples = samples / -float(np.iinfo(samples.dtype).min)
  return samples.astype(np.float32)


def _wrong(path, what):
  return errors.UserError(
    f'expected a wav file of 8, 16, 24 or 32 bits or of floats, but {path} '
    f'{what}: convert it, for example with ffmpeg -i FILE -c:a pcm_s16le '
    'NEW.wav.'
  )
