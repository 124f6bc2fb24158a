"""Made stories: what the sentences say, against a reader of their words."""

from unittest import mock

from absl.testing import absltest, parameterized

from seqjax.data.text import stories

_GO, _TAKE, _DROP = ('went', 'moved'), ('took', 'picked'), ('dropped', 'left')


def places_of(sentences):
  """Where everybody and everything has been, from the words alone."""
  been, holder = {}, {}
  for sentence in sentences:
    words = sentence.split()
    person, verb = words[:2]
    if verb in _GO:
      carried = [thing for thing, who in holder.items() if who == person]
      for who in [person, *carried]:
        been.setdefault(who, []).append(words[-1])
    elif verb in _TAKE:
      thing = words[-1]
      assert thing not in holder
      place = been[person][-1]
      assert been.setdefault(thing, [place])[-1] == place
      holder[thing] = person
    elif verb in _DROP:
      assert holder.pop(words[-1]) == person
    else:
      _, _, _, thing, _, other = words
      assert holder[thing] == person
      assert been[person][-1] == been[other][-1]
      holder[thing] = other
  return been


class StoriesTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.parts = stories.made_stories(3, {'train': 150, 'valid': 20, 'test': 30})
    cls.questions = [x for p in cls.parts.values() for x in p.questions]

  def test_the_answer_is_what_the_story_says(self):
    for question in self.questions:
      been = places_of(question.story)
      words = question.text.removesuffix('?').split()
      if question.kind == 'three facts':
        thing, place = words[3], words[-1]
        *before, last = been[thing]
        while last != place:
          *before, last = before
        self.assertEqual(question.answer, before[-1], question)
      else:
        self.assertEqual(question.answer, been[words[-1]][-1], question)

  def test_the_supporting_sentences_say_it_and_none_of_them_can_be_left_out(
    self,
  ):
    for question in self.questions:
      said = [question.story[i] for i in question.supporting]
      number = stories.KINDS.index(question.kind) + 1
      self.assertLen(set(question.supporting), number)
      self.assertEqual(sorted(question.supporting), list(question.supporting))
      # The place itself, and who or what is asked for, are in them.
      self.assertIn(question.answer, ' '.join(said).split())
      asked = {'is', 'was', 'where', 'the', 'before'}
      names = set(question.text.removesuffix('?').split()) - asked
      for name in names:
        self.assertIn(name, ' '.join(said).split())

  def test_every_way_of_speaking_occurs_and_lengths_reach_their_ends(self):
    sentences = {
      ' '.join(s.split()[1:2]) for q in self.questions for s in q.story
    }
    verbs = 'went moved took picked dropped left gave handed'
    self.assertEqual(sentences, set(verbs.split()))
    lengths = {len(question.story) for question in self.questions}
    self.assertEqual(lengths, set(range(6, 13)))

  def test_parts_share_no_story_and_hold_all_kinds_alike(self):
    told = [{x.story for x in part.questions} for part in self.parts.values()]
    self.assertEqual([len(x) for x in told], [150, 20, 30])
    self.assertLen(set.union(*told), 200)
    for part in self.parts.values():
      kinds = [question.kind for question in part.questions]
      self.assertEqual(kinds, list(stories.KINDS) * (len(kinds) // 3))

  def test_a_story_that_was_told_is_not_told_again(self):
    # Of three sentences there are 2,880 that answer all kinds.
    with mock.patch.multiple(stories, MIN_SENTENCES=3, MAX_SENTENCES=3):
      parts = stories.made_stories(0, {'train': 150, 'test': 150})
    told = {x.story for part in parts.values() for x in part.questions}
    self.assertLen(told, 300)

  def test_the_seed_alone_decides(self):
    again = stories.made_stories(3, {'train': 150, 'valid': 20, 'test': 30})
    self.assertEqual(again, self.parts)
    other = stories.made_stories(4, {'train': 150})
    self.assertNotEqual(other['train'].sha256, self.parts['train'].sha256)


if __name__ == '__main__':
  absltest.main()
