"""Rules that answer questions without reading them."""

from absl.testing import absltest

from seqjax import baselines
from seqjax.data.text import questions


def ask(text, answer, *story):
  return questions.Question(story, text, answer, (), 'kind')


TRAIN = [
  ask('Where is Ann?', 'hall'),
  ask('Where is Ann?', 'hall'),
  ask('Where is Ann?', 'attic'),
  ask('Where is Bob?', 'attic'),
  ask('Where is Bob?', 'attic'),
  ask('Where is Bob?', 'hall'),
  *(ask('What is in the cup?', 'attic'),) * 3,
  ask('Where was Cid before the hall?', 'yard'),
]
STORY = ('Ann went to the yard.', 'The hall has Bob.', 'Cid saw the attic.')


class AnswersTest(absltest.TestCase):
  def answers(self, text, *story):
    found = baselines.answer_baselines(TRAIN, [ask(text, '', *story)])
    return {rule: answer for rule, (answer,) in found.items()}

  def test_each_rule_follows_its_own_words(self):
    self.assertEqual(
      self.answers('Where is Ann?', *STORY),
      {
        'most frequent answer': 'attic',
        'most frequent answer to the same words': 'hall',
        'answer named last': 'attic',
        'answer named last with it': 'yard',
      },
    )

  def test_a_place_in_the_question_is_not_what_is_sought(self):
    # 'hall' is rarer than Ann, and an answer.
    found = self.answers('Where was Ann before the hall?', *STORY)
    self.assertEqual(found['answer named last with it'], 'yard')

  def test_of_a_sentence_the_last_answer_counts(self):
    found = self.answers('Where is Bob?', 'Bob left the yard for the hall.')
    self.assertEqual(found['answer named last'], 'hall')

  def test_the_most_frequent_stands_in(self):
    found = self.answers('Why?', 'Nobody knows.')
    self.assertEqual(set(found.values()), {'attic'})

  def test_there_is_an_answer_to_each_question(self):
    found = baselines.answer_baselines(TRAIN, TRAIN[:5])
    self.assertEqual({len(answers) for answers in found.values()}, {5})


if __name__ == '__main__':
  absltest.main()
