"""Tests for seqjax.metrics.texts."""

import collections
import math

from absl.testing import absltest

from seqjax.metrics import texts


def ngrams(text, n):
  words = text.split()
  return collections.Counter(
    tuple(words[i : i + n]) for i in range(len(words) - n + 1)
  )


def bleu(written, references):
  """As Papineni et al. (2002) write it, of texts without marks."""
  pairs = list(zip(written, references, strict=True))
  logs = []
  for n in range(1, 5):
    hits = total = 0
    for text, right in pairs:
      best = collections.Counter()
      for reference in right:
        best |= ngrams(reference, n)
      hits += (ngrams(text, n) & best).total()
      total += ngrams(text, n).total()
    logs.append(math.log(hits / total))
  length = least = 0
  for text, right in pairs:
    n = len(text.split())
    length += n
    # The length of the nearest reference; of two the shorter.
    least += min((abs(len(x.split()) - n), len(x.split())) for x in right)[1]
  return 100 * math.exp(min(0, 1 - least / length) + sum(logs) / 4)


class TextScoresTest(absltest.TestCase):
  def test_bleu_is_that_of_the_paper(self):
    written = ['the cat sat on the mat there', 'a dog ran home now']
    references = [
      ['the cat sat on a mat there', 'a cat sat on the mat there now'],
      ['a dog ran home'],
    ]
    scores = texts.text_scores(written, references)
    self.assertAlmostEqual(scores['bleu'], bleu(written, references), places=9)
    # One reference each is another number.
    single = [right[:1] for right in references]
    scores = texts.text_scores(written, single)
    self.assertAlmostEqual(scores['bleu'], bleu(written, single), places=9)

  def test_a_corpus_is_no_mean_of_its_texts(self):
    written, references = ['a b c d', 'x y'], [['a b c d'], ['u v']]
    scores = texts.text_scores(written, references)
    self.assertAlmostEqual(scores['bleu'], bleu(written, references), places=9)
    self.assertEqual(scores['exact'], 0.5)

  def test_any_reference_is_exactly_right_and_case_counts(self):
    references = [['Go!', 'Leave now.'], ['Stop.']]
    for written, exact in (
      (['Leave now.', 'Stop.'], 1),
      (['go!', 'Stop.'], 0.5),
      (['Stop.', 'Go!'], 0),
    ):
      scores = texts.text_scores(written, references)
      self.assertEqual(scores['exact'], exact)

  def test_nothing_written_scores_nothing(self):
    scores = texts.text_scores(['', ''], [['Go!'], ['Stop.']])
    self.assertEqual(scores, {'bleu': 0, 'chrf': 0, 'exact': 0})

  def test_a_text_without_reference_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'at least one reference'):
      texts.text_scores(['a', 'b'], [['a'], []])

  def test_short_texts_are_judged_by_their_letters(self):
    short, long = ['a cat', 'a red cat'], ['a cat sat', 'a cat on a mat']
    self.assertEqual(texts.judging([short]), 'chrf')
    self.assertEqual(texts.judging([short, long]), 'chrf')
    self.assertEqual(texts.judging([long]), 'bleu')
    # What BLEU would say of them, although all is right.
    scores = texts.text_scores(short, [[x] for x in short])
    self.assertEqual((scores['bleu'], scores['exact']), (0, 1))
    self.assertAlmostEqual(scores['chrf'], 100)

  def test_the_settings_name_the_references(self):
    found = texts.signatures([['a', 'b'], ['c']])
    self.assertIn('bleu nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp', found)
    self.assertIn(', chrf nrefs:var|case:mixed|eff:yes|nc:6|nw:0', found)


if __name__ == '__main__':
  absltest.main()
