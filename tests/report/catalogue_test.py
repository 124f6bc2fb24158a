"""The page of cells says what the cells are."""

import pathlib

from absl.testing import absltest, parameterized

from seqjax import cells
from seqjax.report import catalogue

PAGE = pathlib.Path(__file__).parents[2] / 'docs' / 'cells.md'


def documented():
  """Builds nothing at all.

    a = b

  From a on:

    c = a
      + d

  Args:
    e: goes on
      over two lines.

  Source: Nobody
    (2000). Page 1: all.
  """


class CatalogueTest(parameterized.TestCase):
  def test_the_page_is_what_the_generator_prints(self):
    self.assertEqual(
      PAGE.read_text(encoding='utf-8'),
      catalogue.page(),
      'Run: python -m seqjax.report.catalogue > docs/cells.md',
    )

  @parameterized.named_parameters(*((f'_{n}', n) for n in cells.CELLS))
  def test_a_cell_has_equation_source_and_a_place_on_the_page(self, name):
    build = catalogue.builder(name)
    found = catalogue.sections(build)
    self.assertRegex(found['Equation'], r'(?m)^  +\w.* = ')
    # A paper, and its year.
    self.assertRegex(found['Source'], r'\((19|20)\d\d\)')
    page = PAGE.read_text(encoding='utf-8')
    self.assertIn(f'| [`{name}`](#{build.__name__}) | ', page)
    self.assertIn(f'\n## {build.__name__}\n', page)
    self.assertIn(f'`{name}` is `{catalogue.call(name)}`', page)

  def test_a_docstring_is_taken_apart(self):
    found = catalogue.sections(documented)
    self.assertEqual(
      found,
      {
        'Summary': 'Builds nothing at all.',
        'Equation': '  a = b\n\nFrom a on:\n\n  c = a\n    + d',
        'Args': 'e: goes on\n  over two lines.',
        'Source': 'Nobody\n(2000). Page 1: all.',
      },
    )

  def test_engines_do_not_depend_on_this_machine(self):
    self.assertEqual(
      catalogue.engines(cells.lstm()), ['scan', 'fused', 'cudnn']
    )
    self.assertEqual(catalogue.engines(cells.gru()), ['scan', 'fused'])

  def test_peers_are_told_of_cells_that_there_are(self):
    self.assertLessEqual(set(catalogue.PEERS), set(cells.CELLS))


if __name__ == '__main__':
  absltest.main()
