from absl.testing import absltest, parameterized
from folder_case import FolderTestCase

from seqjax import errors
from seqjax.data.text import babi

TWO = """\
1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 John took the apple.
5 Where is the apple? \thallway\t4 2
1 John took the milk.
2 What has John?\tmilk,apple
"""


class BabiTest(FolderTestCase):
  def test_a_question_is_about_all_sentences_before_it_in_its_story(self):
    path = self.write('qa2_two-facts_train.txt', TWO)
    found = babi.babi_files(path)
    first, second, third = found.questions
    mary, john = 'Mary moved to the bathroom.', 'John went to the hallway.'
    self.assertEqual(
      first, ((mary, john), 'Where is Mary?', 'bathroom', (0,), 'qa2_two-facts')
    )
    self.assertEqual(second.story, (mary, john, 'John took the apple.'))
    self.assertEqual(second.supporting, (1, 2))
    self.assertEqual(third.story, ('John took the milk.',))
    self.assertEqual(third[2:4], ('milk,apple', ()))
    self.assertEqual(found.name, 'qa2_two-facts_train.txt')

  def test_files_that_fit_a_pattern_are_kinds_of_their_own(self):
    for name in ('qa10_x_train.txt', 'qa2_train.txt', 'qa2_test.txt'):
      self.write(name, TWO)
    found = babi.babi_files(self.folder / 'qa*_train.txt')
    kinds = [question.kind for question in found.questions]
    self.assertEqual(kinds, ['qa2'] * 3 + ['qa10_x'] * 3)
    with self.assertRaisesRegex(errors.UserError, 'none fits .*qa3'):
      babi.babi_files(self.folder / 'qa3*')

  def test_what_is_stored_in_another_way_is_the_same(self):
    one = babi.babi_files(self.write('a.txt', TWO))
    other = babi.babi_files(
      self.write('a.TXT', '\ufeff' + TWO.replace('\n', '\r\n') + '\r\n\r\n')
    )
    self.assertEqual(one.sha256, other.sha256)

  @parameterized.named_parameters(
    ('empty', '', 'is empty'),
    ('blank', '\n', 'has none: no line with a tab'),
    ('no_number', '1 A b.\nC d.\n', "line 2: expected a number.*'C d.'"),
    ('only_a_number', '1 A b.\n2 \n', 'line 2: expected a number'),
    ('long', '1 A.\n' + '9' * 5000 + ' B.\n', 'line 2: expected a number'),
    ('script', '1 A.\n\u0662 B.\n', 'line 2: expected a number'),
    ('falls', '1 A.\n3 B.\n2 C.\n', 'line 3: .* above 3, or 1 .*, got 2'),
    ('again', '1 A.\n2 B.\n2 C.\n', 'line 3: .* above 2'),
    ('no_story', '1 A.\n1 Who?\tA\t1', "line 2: .* story before .* 'Who\\?'"),
    ('no_answer', '1 A.\n2 Who? \t \t1', 'line 2: expected an answer'),
    ('bare_tab', '1 A.\n2 Who?\t', 'line 2: expected an answer'),
    ('own_line', '1 A.\n2 Who?\tA\t2', 'line 2: .*in line 2 of the story'),
    ('strange', '1 A.\n2 Who?\tA\tx', 'line x of the story'),
    ('no_question', '1 A.\n2 Who?\n', 'has none: no line with a tab'),
  )
  def test_a_broken_file_is_a_sentence(self, text, words):
    path = self.write('broken.txt', text)
    with self.assertRaisesRegex(errors.UserError, f'broken.txt.*{words}'):
      babi.babi_files(path)

  def test_plain_lines_need_no_answer(self):
    text = 'A b.\nC d.\nWho?\n\n\n3 men.\n\tE f\tg\t\nWhat\tis? \t\nWo\uff1f\n'
    first, second, third = babi.read(text, 'typed', answered=False)
    self.assertEqual(first, (('A b.', 'C d.'), 'Who?', '', (), 'typed'))
    self.assertEqual(second[:2], (('3 men.', 'E f g'), 'What is?'))
    self.assertEqual(third[:2], (('3 men.', 'E f g'), 'Wo\uff1f'))

  def test_numbered_lines_need_no_answer_either(self):
    text = TWO.replace('\tbathroom\t1', '')
    found = babi.read(text, 'typed', answered=False)
    self.assertEqual(
      [question.text for question in found],
      ['Where is Mary?', 'Where is the apple?', 'What has John?'],
    )
    self.assertEqual([len(question.story) for question in found], [2, 3, 1])

  @parameterized.parameters(
    '\n \n{}', '\ufeff{}', '\ufeff\n{}', ' {}', '4 A b.\n5 Who?\n\n\n{}'
  )
  def test_the_first_line_tells_whether_lines_are_numbered(self, before):
    text = before.format('1 A b.\n2 Who?\n\n\n1 C d.\n2 What?\n')
    *_, one, other = babi.read(text, 'typed', answered=False)
    self.assertEqual(one[:2], (('A b.',), 'Who?'))
    self.assertEqual(other[:2], (('C d.',), 'What?'))

  def test_a_story_may_begin_with_any_number(self):
    (found,) = babi.read('7 A b.\n8 Who?', 'typed', answered=False)
    self.assertEqual(found[:2], (('A b.',), 'Who?'))

  def test_empty_lines_between_stories_with_answers_mean_nothing(self):
    self.assertEqual(
      babi.read('\n' + TWO.replace('\n1', '\n\n1'), 'a'), babi.read(TWO, 'a')
    )

  @parameterized.parameters(
    ('', 'a question mark'),
    ('A b.\nC d.', 'typed has none'),
    ('Who?\nA b.', 'line 1: expected a story'),
    ('A b.\n\nWho?', 'line 3: expected a story'),
    ('1 A.\nB?', 'line 2: expected a number'),
  )
  def test_typed_lines_without_question_or_story_are_a_sentence(
    self, text, words
  ):
    with self.assertRaisesRegex(errors.UserError, words):
      babi.read(text, 'typed', answered=False)


if __name__ == '__main__':
  absltest.main()
