"""Tests for seqjax.data.text.python_source."""

import importlib.util
from unittest import mock

from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.text import python_source

# A module, and the kinds of its words but for the marks, line by line.
MODULE = """
"What it is."
import os.path as path
from . import a as match, b

@cached
class C(Base, metaclass=M):
  x: int = -1

  async def run(self, *args, y=2 * 3, **kwargs):  # a comment
    with self.run(args[0], *args, y=y) as f, open(
      f"a{run(y)}b" 'c'
    ).run as self.f:
      run = lambda z, *, case: ~z ** -z - 1
    for é, i in é.é("ß", é).é: del run.x[...]
    match = None

match run:
  case C(-1 | b"", m) as case:
    global g; print(match, *x, .5 or 1e-5)
"""
KINDS = """
string
keyword module module keyword module
keyword keyword module keyword module module
name
keyword class name argument name
target name sign number
keyword keyword function parameter star parameter parameter number operator \
number star parameter
keyword name method name number star name argument name keyword target call \
string string attribute keyword name attribute
target keyword parameter star parameter sign name operator sign name operator \
number
keyword target target keyword name method string name attribute \
keyword name attribute
target constant
keyword name
keyword name sign number operator string target keyword target
keyword name call name star name number keyword number
"""


class PythonSourceTest(parameterized.TestCase):
  def test_every_part_is_whole_modules_in_their_order(self):
    parts = [python_source.python_tokens(part) for part in python_source.PARTS]
    self.assertLen({part.sha256 for part in parts}, 3)
    for part in parts:
      self.assertGreater(len(part.sentences), 500)
      for words, tags in zip(part.sentences, part.tags, strict=True):
        self.assertNotEmpty(words)
        self.assertLen(tags, len(words))
    self.assertEqual(parts[0].sentences[1][0], 'import')
    names = [name for part in python_source.PARTS.values() for name in part]
    self.assertLen(set(names), len(names))
    self.assertBetween(sum(map(len, parts[0].sentences)), 40_000, 60_000)

  def test_held_out_parts_have_no_kind_of_their_own(self):
    kinds = {
      part: {
        kind for tags in python_source.python_tokens(part).tags for kind in tags
      }
      for part in python_source.PARTS
    }
    self.assertContainsSubset(kinds['valid'] | kinds['test'], kinds['train'])

  def test_the_kind_is_what_the_syntax_says(self):
    lines = python_source.kinds(MODULE)
    shown = [[tag for tag in tags if tag != 'mark'] for _, tags in lines]
    self.assertEqual(shown, [line.split() for line in KINDS.split('\n')[1:-1]])

  def test_words_are_those_of_the_same_source(self):
    self.assertEqual(
      python_source.words(MODULE),
      [words for words, _ in python_source.kinds(MODULE)],
    )

  def test_a_string_is_its_prefix_and_its_marks(self):
    line = """x = rb'a' 'b' "" \'\'\'c\nd\'\'\' f"{f'{x}'}{y!r:>{z}}" F\'\'"""
    strings = ["rb''", "''", '""', "''", 'f""', "F''"]
    self.assertEqual(python_source.words(line), [('x', '=', *strings)])

  @parameterized.parameters('f(', "x = 'a", 'x = """a')
  def test_what_is_no_source_is_a_sentence(self, text):
    with self.assertRaisesRegex(errors.UserError, 'expected Python source'):
      python_source.words(text)

  @parameterized.parameters('', ' ', '# nothing', '\n')
  def test_without_words_there_are_no_lines(self, text):
    self.assertEqual(python_source.words(text), [])

  @parameterized.named_parameters(
    ('no_module', None),
    ('no_source', mock.Mock(**{'loader.get_source.return_value': None})),
  )
  def test_a_python_without_sources_is_a_sentence(self, spec):
    with mock.patch.object(importlib.util, 'find_spec', lambda name: spec):
      with self.assertRaisesRegex(errors.UserError, 'no source of its module'):
        python_source.python_tokens('valid')


if __name__ == '__main__':
  absltest.main()
