"""Tests for seqjax.data.text.spelling_rules."""

import itertools
import string

from absl.testing import absltest, parameterized

from seqjax.data.text import spelling_rules


class SpellingRulesTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.parts = spelling_rules.spelling_rules()

  def test_the_parts_have_their_sizes_and_no_word_in_common(self):
    sizes = {part: len(x.words) for part, x in self.parts.items()}
    self.assertEqual(sizes, spelling_rules.SIZES)
    words = [word for x in self.parts.values() for word in x.words]
    self.assertLen(set(words), len(words))

  def test_every_word_is_said_as_the_rules_have_it(self):
    for part in self.parts.values():
      for word, variants in zip(part.words, part.variants, strict=True):
        self.assertEqual(variants, spelling_rules.pronounce(word))
        self.assertTrue(all(variants), word)

  def test_every_sound_to_be_written_is_there_to_learn(self):
    train, *others = (
      {sound for x in part.variants for sounds in x for sound in sounds}
      for part in self.parts.values()
    )
    self.assertLen(train, 35)
    self.assertTrue(all(sounds <= train for sounds in others))

  def test_some_words_are_said_in_two_ways(self):
    for part in self.parts.values():
      share = sum(len(x) == 2 for x in part.variants) / len(part.words)
      self.assertBetween(share, 0.15, 0.25)

  @parameterized.parameters(
    # What follows decides: soft c and g, silent letters at the beginning.
    ('cac', 'K AE K'),
    ('cecy', 'S EH S IY'),
    ('gag', 'G AE G'),
    ('gig', 'JH IH G'),
    ('knit', 'N IH T'),
    ('wraknot', 'R AE K N AA T'),
    # Two letters for one sound, two for none but one, one for two.
    ('sheech', 'SH IY CH'),
    ('phatch', 'F AE CH'),
    ('thack', 'TH AE K'),
    ('quox', 'K W AA K S'),
    ('boffit', 'B AA F IH T'),
    ('tangink', 'T AE NG JH IH NG K'),
    ('ring', 'R IH NG'),
    # What stands on both sides: s between vowels.
    ('sisis', 'S IH Z IH S'),
    ('sissy', 'S IH S IY'),
    # The silent e makes long, but not over two consonants.
    ('mat', 'M AE T'),
    ('mate', 'M EY T'),
    ('matte', 'M AE T'),
    ('bife', 'B AY F'),
    ('huge', 'HH UW JH'),
    ('bree', 'B R IY'),
    # Weak before two more vowels, however far.
    ('banana', 'B AH N AE N AE'),
    ('banan', 'B AE N AE N'),
    ('bantuthifft', 'B AH N T UH TH IH F T'),
    ('boinana', 'B OY N AE N AE'),
  )
  def test_a_letter_sounds_by_its_company(self, word, sounds):
    self.assertEqual(spelling_rules.pronounce(word), (tuple(sounds.split()),))

  @parameterized.parameters(
    ('car', 'K AE R', 'K AE'),
    ('care', 'K EY R', 'K EY'),
    ('carry', 'K AE R IY', None),
    ('concern', 'K AA N S EH R N', 'K AA N S EH N'),
    ('arm', 'AE R M', 'AE M'),
  )
  def test_an_r_may_be_dropped_but_before_a_vowel(self, word, with_r, without):
    expected = [tuple(x.split()) for x in (with_r, without) if x]
    self.assertEqual(list(spelling_rules.pronounce(word)), expected)

  def test_all_letters_are_said_but_q_by_itself(self):
    letters = set(string.ascii_lowercase) - {'q'}
    for word in map(''.join, itertools.product(letters, repeat=2)):
      self.assertNotEmpty(spelling_rules.pronounce(word))
    for word in ('q', 'iraq', 'Bad', "it's"):
      with self.assertRaisesRegex(ValueError, 'letters a to z'):
        spelling_rules.pronounce(word)

  def test_it_is_a_function_of_the_seed(self):
    other = spelling_rules.spelling_rules(data_seed=1)['test']
    self.assertNotEqual(other.words, self.parts['test'].words)

  def test_the_seed_gives_the_same_words_for_ever(self):
    found = {part: x.sha256[:8] for part, x in self.parts.items()}
    self.assertEqual(
      found, {'train': 'edb6d1f7', 'valid': 'd691da0a', 'test': '4af0b401'}
    )


if __name__ == '__main__':
  absltest.main()
