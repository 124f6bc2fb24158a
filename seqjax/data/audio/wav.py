"""Sound in wav files."""

import io
import math
import os
import warnings
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data import reading

# What is recorded, in Hz.
_RATES = 100, 10**6
_LOUDEST = 10**6


class Wav(NamedTuple):
  """What a file holds."""

  samples: np.ndarray  # [n, channels] float32; whole numbers made -1 to 1
  rate: int  # samples of a channel in a second


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
  from scipy.io import wavfile

  if content[:4] == b'RIFF':
    said, got = 8 + int.from_bytes(content[4:8], 'little'), len(content)
    if said > got:
      raise errors.UserError(
        f'{path} is cut short: it says that it has {said:,} bytes, and has '
        f'{got:,}. Fetch or record it again.'
      )
  try:
    with warnings.catch_warnings():
      # Of chunks that are no sound, such as a title.
      warnings.simplefilter('ignore', wavfile.WavFileWarning)
      rate, samples = wavfile.read(io.BytesIO(content))
  # Of many types: scipy raises whatever it meets in a damaged header.
  except Exception as error:
    raise errors.UserError(
      f'expected a wav file, but {path} is damaged or of another kind '
      f'({error}): convert it, for example with ffmpeg -i FILE {path}.wav.'
    ) from error
  samples = _unit(samples if samples.ndim == 2 else samples[:, None])
  if not _RATES[0] <= rate <= _RATES[1]:
    raise errors.UserError(
      f'expected sound of {_RATES[0]:,} to {_RATES[1]:,} Hz, but {path} has '
      f'{rate:,} Hz: take it away, or record it again.'
    )
  if len(samples) < rate / 100:
    raise errors.UserError(
      f'expected sound of at least 10 ms, but {path} has {len(samples)} '
      f'samples at {rate:,} Hz: take it away, or record it again.'
    )
  # Far above 1, the loudest that there is, sums of squares overflow.
  if not (np.abs(samples) < _LOUDEST).all():
    raise errors.UserError(
      f'{path} has samples that are no finite numbers, or of {_LOUDEST:,} and '
      'more, where 1 is the loudest: write it again.'
    )
  return Wav(samples, rate)


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


def _unit(samples):
  """Whole numbers as float32 in [-1, 1); floats as they are."""
  kind = samples.dtype
  if kind == np.uint8:
    return (samples.astype(np.float32) - 128) / 128
  if kind.kind == 'i':
    # 24 bits come in the upper ones of 32.
    return (samples / -float(np.iinfo(kind).min)).astype(np.float32)
  return samples.astype(np.float32)
