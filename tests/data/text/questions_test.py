"""Questions: told apart, held out with their stories, and put into batches."""

import numpy as np
from absl.testing import absltest

from seqjax import data, errors
from seqjax.data import buckets
from seqjax.data.text import questions

KNOWN = data.word_vocabulary([['mary'] * 3, ['went'] * 2, ['out']])


def ask(*story, text='Who?', kind='a'):
  return questions.Question(story, text, 'x', (), kind)


class QuestionsTest(absltest.TestCase):
  def test_the_hash_is_of_all_that_is_read(self):
    one = ask('Mary went.')
    hashes = {
      questions.collect([question], 'name').sha256
      for question in (
        one,
        ask('Mary', 'went.'),
        one._replace(text='So?'),
        one._replace(answer='y'),
        one._replace(supporting=(0,)),
        one._replace(kind='b'),
      )
    }
    self.assertLen(hashes, 6)
    again = questions.collect(iter([one]), 'other name').sha256
    self.assertIn(again, hashes)

  def test_a_story_that_goes_on_is_held_out_whole(self):
    whole = questions.collect(
      [
        ask(*(f'{name}{i}' for i in range(n)))
        for name in 'pqr'
        for n in (1, 2, 2, 5)
      ],
      'short',
    )
    rest, valid = questions.hold_out(whole, 0.34)
    self.assertLen(rest.questions, 8)
    self.assertLen({x.story[0] for x in valid.questions}, 1)
    self.assertEqual([len(x.story) for x in valid.questions], [1, 2, 2, 5])
    self.assertEqual(valid.name, 'short')
    alone = questions.collect(whole.questions[:4], 'one')
    with self.assertRaisesRegex(errors.UserError, 'cannot hold out'):
      questions.hold_out(alone, 0.34)

  def test_no_story_stands_in_both_parts(self):
    # `p q` is asked about again, as where a story ends and where one begins.
    stories = [('p',), ('p', 'q'), ('r',), ('p', 'q'), ('p', 'q', 's'), ('t',)]
    for data_seed in range(9):
      whole = questions.collect((ask(*x) for x in stories), 'short')
      parts = questions.hold_out(whole, 0.34, data_seed)
      rest, held = ({x.story for x in part.questions} for part in parts)
      self.assertLen(rest | held, 5)
      self.assertEmpty(rest & held)
      self.assertIn(held, [{('r',)}, {('t',)}, set(stories[:2] + stories[4:5])])

  def test_each_kind_has_its_share_held_out(self):
    whole = questions.collect(
      [ask(f'{kind}{i}', kind=kind) for kind in 'ab' for i in range(10)], 'two'
    )
    _, valid = questions.hold_out(whole, 0.2, data_seed=5)
    self.assertEqual([x.kind for x in valid.questions], list('aabb'))

  def test_words_are_ids_and_no_mark_is_one(self):
    asked = [
      ask('Mary went out.', 'Out!', text='Who went?'),
      ask('went.', '?', text='mary mary mary mary mary'),
    ]
    found = questions.encode(asked, KNOWN, max_words=4)
    np.testing.assert_array_equal(
      found.story[0], [[1, 2, 3, -1], [3, -1, -1, -1]]
    )
    np.testing.assert_array_equal(found.story[1][:, 0], [2, -1])
    np.testing.assert_array_equal(
      found.question, [[0, 2, -1, -1], [1, 1, 1, 1]]
    )
    self.assertEqual(found.question.dtype, np.int32)

  def test_no_column_is_empty_for_all(self):
    found = questions.encode([ask('Mary went.')], KNOWN, max_words=99)
    self.assertEqual(found.story[0].shape, (1, 2))

  def test_a_question_stays_with_its_story(self):
    lengths = [3, 1, 2, 2, 5]
    asked = questions.Asked(
      [np.full((n, 2), i, np.int32) for i, n in enumerate(lengths)],
      np.array([[i, 7] for i in range(5)], np.int32),
    )
    plan = buckets.Buckets(lengths, 2, 2)
    batches = questions.question_batches(asked, np.arange(5) + 10, plan)
    seen = []
    for index in range(plan.batches_per_epoch):
      batch = batches(index)
      length, num_rows = batch.mask.shape
      self.assertEqual(batch.inputs.story.shape, (length, num_rows, 2))
      for row in range(num_rows):
        if not batch.weights[row]:
          self.assertFalse(batch.mask[:, row].any())
          np.testing.assert_array_equal(batch.inputs.question[row], -1)
          continue
        i, _ = batch.inputs.question[row]
        seen.append(i)
        self.assertEqual(batch.targets[row], i + 10)
        self.assertEqual(batch.mask[:, row].sum(), lengths[i])
        told = batch.inputs.story[batch.mask[:, row], row]
        np.testing.assert_array_equal(told, i)
    self.assertEqual(sorted(seen), list(range(5)))


if __name__ == '__main__':
  absltest.main()
