"""Pieces made on the spot: chords, a bass and a melody that comes back."""

import numpy as np

from seqjax.data.music import piano_rolls

SIZES = {'train': 400, 'valid': 50, 'test': 50}

# Semitones above the tonic.
SCALES = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)  # major, harmonic minor
# Of a chord on a degree of the scale, counted from 0, what may follow it.
FOLLOWING = {0: (1, 3, 4, 5), 1: (4,), 3: (0, 1, 4), 4: (0, 5), 5: (1, 3)}
# A letter is a phrase; the same letter is the same phrase, note by note.
FORMS = 'AABA', 'ABAB', 'ABAC', 'ABCA'
CHORDS_PER_PHRASE = 8
# Of a chord's frames, how long the notes of the melody are.
RHYTHMS = {2: ((2,), (1, 1)), 3: ((3,), (2, 1), (1, 1, 1))}
# The lowest and the highest MIDI note of each voice, an octave at least.
BASS, TENOR, ALTO, MELODY = (36, 47), (48, 60), (55, 66), (67, 84)


def chords(data_seed: int = 0) -> dict[str, piano_rolls.PianoRolls]:
  """Makes the parts 'train', 'valid' and 'test': 400, 50 and 50 pieces.

  A piece has a key of its own, one of 24, and four phrases of 8 chords; a chord
  lasts 2 frames or, in every second piece or so, 3. What follows a chord is
  drawn among what harmony allows; phrases end on the tonic, B on the fifth
  degree, which wants to go on. The bass takes the root; of the two voices above
  it each moves as little as it can; the melody begins each chord with one of
  its notes and goes on by steps of the scale. A phrase that has been heard
  comes back as it was, 16 to 72 frames later, which nobody can know who looks
  at the frame before alone.

  Args:
    data_seed: another number, other pieces.

  Example:
    >>> test = chords()['test']
    >>> len(test.pieces), sorted({len(piece) for piece in test.pieces})
    (50, [64, 96])
  """
  # Not a Generator: NumPy may change what that draws.
  random = np.random.RandomState([data_seed])
  return {
    part: piano_rolls.collect(
      (_piece(random) for _ in range(size)), f'chords {part}'
    )
    for part, size in SIZES.items()
  }


def _piece(random):
  """[n, 88], n 64 or 96."""
  tonic = random.randint(12)
  scale = SCALES[random.randint(len(SCALES))]
  frames_per_chord = (2, 3)[random.randint(2)]
  form = FORMS[random.randint(len(FORMS))]
  phrases = {
    letter: _phrase(random, tonic, scale, frames_per_chord, closed)
    for letter, closed in (('A', True), ('B', False), ('C', True))
  }
  return np.concatenate([phrases[letter] for letter in form])


def _phrase(random, tonic, scale, frames_per_chord, closed):
  """[8 * frames_per_chord, 88], from the tonic to the tonic where closed."""
  roll = np.zeros(
    (CHORDS_PER_PHRASE * frames_per_chord, piano_rolls.NUM_NOTES), np.uint8
  )
  tenor, alto, melody = (sum(x) / 2 for x in (TENOR, ALTO, MELODY))
  steps = _notes([tonic + x for x in scale], MELODY)
  frame = 0
  for degree in _degrees(random, closed):
    root, *others = (
      tonic + scale[(degree + third) % len(scale)] for third in (0, 2, 4)
    )
    bass = _notes([root], BASS)[0]
    tenor, alto = min(
      (
        (low, high)
        for lower, upper in (others, others[::-1])
        for low in _notes([lower], TENOR)
        for high in _notes([upper], ALTO)
        if low < high
      ),
      key=lambda pair: abs(pair[0] - tenor) + abs(pair[1] - alto),
    )
    near = sorted(
      _notes([root, *others], MELODY), key=lambda note: abs(note - melody)
    )
    melody = near[random.randint(3)]
    rhythms = RHYTHMS[frames_per_chord]
    for length in rhythms[random.randint(len(rhythms))]:
      notes = np.array([bass, tenor, alto, melody]) - piano_rolls.LOWEST
      roll[frame : frame + length, notes] = 1
      frame += length
      place = np.searchsorted(steps, melody) + random.choice((-1, 1))
      melody = steps[np.clip(place, 0, len(steps) - 1)]
  return roll


def _degrees(random, closed):
  """The degrees of a phrase's chords, counted from 0."""
  ending = [4, 0] if closed else [1, 4]
  degrees = [0]
  while len(degrees) < CHORDS_PER_PHRASE - len(ending):
    options = FOLLOWING[degrees[-1]]
    degrees.append(options[random.randint(len(options))])
  return degrees + ending


def _notes(pitches, between):
  """All notes of a range, ascending, with the names of these pitches."""
  low, high = between
  names = {pitch % 12 for pitch in pitches}
  return [note for note in range(low, high + 1) if note % 12 in names]
