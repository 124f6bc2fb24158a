import dataclasses
import math
import os

from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.experiment import fields


@dataclasses.dataclass(frozen=True)
class Base:
  size: int = fields.field(4, 'units', minimum=1)
  rate: float = fields.field(0.5, 'share', minimum=0, below=1)
  scale: float = fields.field(1.0, 'factor', above=0, maximum=10)
  sizes: tuple[int, ...] = fields.field((), 'units of each', minimum=1)
  batches: int = fields.field(-1, 'how many', minimum=1, or_all=True)
  cell: str = fields.field('lstm', 'cell', choices=('elman', 'gru', 'lstm'))
  text: str = fields.field('', 'prompt', kind='runtime')
  deep: bool = fields.field(False, 'whether')


_FIELDS = fields.declared(Base)


class ParseTest(parameterized.TestCase):
  @parameterized.parameters(
    ('size', '12', 12),
    ('rate', '0', 0.0),
    ('rate', '1e-3', 1e-3),
    ('scale', '3', 3.0),
    ('scale', '10', 10.0),
    ('sizes', '128,64', (128, 64)),
    ('sizes', '', ()),
    ('batches', '-1', -1),
    ('cell', 'gru', 'gru'),
    ('text', 'The cat, ', 'The cat, '),
    ('text', '', ''),
    ('deep', 'true', True),
    ('deep', 'False', False),
  )
  def test_text_becomes_a_value_of_the_type(self, name, text, value):
    parsed = _FIELDS[name].parse(text)
    self.assertEqual(parsed, value)
    self.assertIs(type(parsed), type(value))

  @parameterized.parameters(
    ('size', '-3', 'an integer of at least 1'),
    ('size', '0', 'an integer of at least 1'),
    ('size', '1e3', 'an integer of at least 1'),
    ('size', '', 'an integer of at least 1'),
    ('size', '2.0', 'an integer of at least 1'),
    ('size', '9' * 9999, 'an integer of at least 1'),
    ('rate', 'nan', 'a finite number of at least 0 and below 1'),
    ('rate', '1', 'a finite number of at least 0 and below 1'),
    ('rate', '', 'a finite number of at least 0 and below 1'),
    ('scale', '0', 'a finite number above 0 and at most 10'),
    ('scale', '10.5', 'a finite number above 0 and at most 10'),
    ('scale', 'inf', 'a finite number above 0 and at most 10'),
    # Infinite, or zero, where the program computes.
    ('scale', '1e-60', 'a finite number above 0 and at most 10'),
    ('sizes', '3,0', 'integers, separated by commas, each of at least 1'),
    ('sizes', '3,', 'integers, separated by commas, each of at least 1'),
    ('batches', '0', 'an integer of at least 1, or -1 for all'),
    ('batches', '-2', 'an integer of at least 1, or -1 for all'),
    ('deep', 'maybe', 'true or false'),
  )
  def test_a_bad_value_is_a_sentence_with_the_flag(self, name, text, expected):
    with self.assertRaises(errors.UserError) as caught:
      _FIELDS[name].parse(text)
    said = text if len(text) <= 60 else f'{text[:60]}...'
    self.assertEqual(
      str(caught.exception), f'--{name}={said}: expected {expected}.'
    )

  def test_an_unknown_name_gets_a_guess(self):
    with self.assertRaisesRegex(
      errors.UserError,
      "^--cell=ltsm: expected one of elman, gru, lstm. Did you mean 'lstm'.$",
    ):
      _FIELDS['cell'].parse('ltsm')
    with self.assertRaisesRegex(errors.UserError, 'elman, gru, lstm.$'):
      _FIELDS['cell'].parse('qqq')


class CheckTest(parameterized.TestCase):
  def test_equal_settings_are_equal_in_every_form(self):
    rate = _FIELDS['rate'].check(0)
    self.assertIs(type(rate), float)
    self.assertEqual(_FIELDS['sizes'].check([3, 5]), (3, 5))

  @parameterized.parameters(
    ('size', True),
    ('size', 3.0),
    ('size', '3'),
    ('size', None),
    ('rate', math.nan),
    ('rate', True),
    ('scale', 10**400),
    ('sizes', (3, True)),
    ('sizes', 3),
    ('cell', 3),
    ('text', 3),
    ('deep', 1),
  )
  def test_a_value_of_another_type_is_refused(self, name, value):
    with self.assertRaisesRegex(errors.UserError, f'^--{name}='):
      _FIELDS[name].check(value)


class DeclaredTest(absltest.TestCase):
  def test_a_new_default_keeps_the_description(self):
    @dataclasses.dataclass(frozen=True)
    class Middle(Base):
      size: int = 7

    @dataclasses.dataclass(frozen=True)
    class Sub(Middle):
      text: str = 'x'

    declared = fields.declared(Sub)
    self.assertEqual(declared['size'].default, 7)
    self.assertEqual(declared['size'].minimum, 1)
    self.assertEqual(declared['text'].default, 'x')
    self.assertEqual(declared['text'].kind, 'runtime')

  def test_a_new_description_replaces_the_old(self):
    @dataclasses.dataclass(frozen=True)
    class Sub(Base):
      cell: str = fields.field('rnn', 'another', choices=('rnn',))

    self.assertEqual(fields.declared(Sub)['cell'].options(), ('rnn',))
    self.assertEqual(list(fields.declared(Sub)), list(fields.declared(Base)))

  def test_a_path_is_the_same_from_every_directory(self):
    @dataclasses.dataclass(frozen=True)
    class Paths:
      file: str = fields.field('', 'a file', is_path=True)

    check = fields.declared(Paths)['file'].check
    self.assertEqual(check(''), '')
    self.assertEqual(check('/a/../b'), '/b')
    self.assertEqual(check('text.txt'), os.path.abspath('text.txt'))
    self.assertEqual(check('~/x'), os.path.expanduser('~/x'))

  def test_choices_are_asked_for_late(self):
    asked = []

    def names():
      asked.append(1)
      return {'a': 1, 'b': 2}

    @dataclasses.dataclass(frozen=True)
    class Sub(Base):
      cell: str = fields.field('a', 'cell', choices=names)

    declared = fields.declared(Sub)
    self.assertEmpty(asked)
    self.assertEqual(declared['cell'].options(), ('a', 'b'))

  def test_only_what_is_said_to_be_traced_is(self):
    @dataclasses.dataclass(frozen=True)
    class Sub(Base):
      rate: float = fields.field(0.5, 'share', traced=True)

    @dataclasses.dataclass(frozen=True)
    class Other(Sub):
      rate: float = 0.25

    for config_class in Sub, Other:
      declared = fields.declared(config_class).values()
      self.assertEqual([x.name for x in declared if x.traced], ['rate'])

  def test_a_class_that_is_no_dataclass_is_refused(self):
    class Sub(Base):
      size: int = 7

    with self.assertRaisesRegex(TypeError, 'Sub must be decorated'):
      fields.declared(Sub)

  def test_an_undescribed_field_is_refused(self):
    @dataclasses.dataclass(frozen=True)
    class Sub(Base):
      more: int = 7

    with self.assertRaisesRegex(TypeError, r'Sub.more: .*described by'):
      fields.declared(Sub)

  def test_a_type_that_no_flag_carries_is_refused(self):
    @dataclasses.dataclass(frozen=True)
    class Sub(Base):
      more: dict = fields.field(None, 'a dict')

    with self.assertRaisesRegex(TypeError, r'Sub.more: expected a bool, int'):
      fields.declared(Sub)

  def test_an_unknown_kind_is_refused(self):
    with self.assertRaisesRegex(ValueError, "kind='other': expected one of"):
      fields.field(1, 'help', kind='other')


if __name__ == '__main__':
  absltest.main()
