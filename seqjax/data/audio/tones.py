"""Sounds made on the spot: whistlers who whistle a few calls."""

import numpy as np

from seqjax.data.audio import utterances

RATE = 8000  # Hz
CALLS = 'low', 'high', 'up', 'down', 'chord', 'trill'
_TRILL_HZ = 15


def tones(
  num_speakers: int = 8, num_takes: int = 20, data_seed: int = 0
) -> utterances.Utterances:
  """Every call by every whistler, a few times.

  A call stands on the pitch f of its whistler and the octave 2 f: `low` is f
  and `high` 2 f, `up` and `down` glide from one to the other, `chord` is f with
  1.5 f, and `trill` goes to and fro. So neither the frequencies alone nor their
  change alone tell which it is. Whistlers differ in pitch, tempo and timbre;
  takes in length, pitch, loudness, noise and the pauses at their ends.

  Args:
    num_speakers: whistlers.
    num_takes: of each call by each, with the indices 0, 1, ...
    data_seed: another number, other whistlers.

  >>> made = tones(num_speakers=2, num_takes=1)
  >>> made.texts[:3], made.speakers[-1], made.rate
  (('low', 'high', 'up'), 'whistler_2', 8000)
  """
  # Not a Generator: NumPy may change what that draws.
  random = np.random.RandomState([data_seed])
  samples, said = [], []
  for number in range(1, num_speakers + 1):
    pitch_hz = 300 * 2 ** random.uniform(0, 0.6)
    tempo = random.uniform(0.8, 1.25)
    # The second harmonic of `low` is `high`: the first must be heard.
    harmonics = np.array([1, *random.uniform(0, 0.5, 2)])
    for take in range(num_takes):
      for call in CALLS:
        detuned_hz = pitch_hz * 2 ** random.uniform(-1 / 12, 1 / 12)
        seconds = random.uniform(0.12, 0.24) / tempo
        samples.append(_take(random, call, detuned_hz, seconds, harmonics))
        said.append((call, f'whistler_{number}', take))
  return utterances.collect(samples, said, RATE, 'tones')


def _take(random, call, pitch_hz, seconds, harmonics):
  """[n] float32: a pause, the call and a pause, in noise."""
  sound = _call(call, pitch_hz, seconds, harmonics)
  # Beginning and end are soft, or they would click.
  ramp = np.minimum(np.arange(len(sound)) / (0.01 * RATE), 1)
  pauses = random.randint(round(0.01 * RATE), round(0.06 * RATE), 2)
  sound = np.pad(sound * ramp * ramp[::-1], pauses)
  noise = random.uniform(0.05, 0.3) * random.randn(len(sound))
  loudness = 10 ** random.uniform(-1.5, -0.7)
  return (loudness * (sound + noise)).astype(np.float32)


def _call(call, pitch_hz, seconds, harmonics):
  """[n] of one call."""
  t = np.arange(round(seconds * RATE)) / RATE
  if call == 'chord':
    voices = (_voice(pitch_hz * x, t, harmonics) for x in (1, 1.5))
    return sum(voices) / 2
  octave = {
    'low': np.zeros_like(t),
    'high': np.ones_like(t),
    'up': t / seconds,
    'down': 1 - t / seconds,
    'trill': t * _TRILL_HZ % 1 < 0.5,
  }[call]
  return _voice(pitch_hz * 2**octave, t, harmonics)


def _voice(frequency_hz, t, harmonics):
  """[n] of a frequency that may change, with its multiples."""
  phase = 2 * np.pi * np.cumsum(np.broadcast_to(frequency_hz, t.shape)) / RATE
  return sum(
    share * np.sin(k * phase) for k, share in enumerate(harmonics, start=1)
  )
