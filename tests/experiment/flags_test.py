import dataclasses
import pathlib
import tempfile

from absl import flags as absl_flags
from absl.testing import absltest, parameterized

from seqjax import errors, experiment
from seqjax.experiment import flags


@dataclasses.dataclass(frozen=True)
class Config(experiment.Config):
  steps: int = 3000
  dataset: str = experiment.field(
    'embedded', 'text to learn', group='data', choices=('embedded', 'tfds')
  )
  residual: bool = experiment.field(False, 'each layer adds to its input')
  prompt: str = experiment.field(
    'The ', 'beginning of a sample', group='sampling', kind='runtime'
  )


def _parse(*argv):
  return flags.parse(Config, argv, modes=('train', 'sample'))


class ParseTest(parameterized.TestCase):
  @parameterized.parameters(
    ((), {}),
    (('--seed=3',), {'seed': 3}),
    (('--seed', '3'), {'seed': 3}),
    (('--learning_rate=1',), {'learning_rate': 1.0}),
    (('--hidden_sizes=128,64',), {'hidden_sizes': (128, 64)}),
    (('--residual',), {'residual': True}),
    (('--noresidual',), {'residual': False}),
    (('--residual=false',), {'residual': False}),
    (('--prompt=a b = "c"\n',), {'prompt': 'a b = "c"\n'}),
    (('--prompt=',), {'prompt': ''}),
    (('--mode=sample',), {'mode': 'sample'}),
    # Typed, though it is the default.
    (('--steps=3000',), {'steps': 3000}),
  )
  def test_only_what_was_typed_comes_back(self, argv, typed):
    parsed = _parse(*argv)
    self.assertEqual(parsed, typed)
    self.assertEqual(
      [type(x) for x in parsed.values()], [type(x) for x in typed.values()]
    )

  @parameterized.parameters(
    (('--hiden_size=3',), '--hiden_size: unknown flag. Did you mean --hidden_'),
    (
      ('--hidden-size=3',),
      '--hidden-size: unknown flag. Did you mean --hidden',
    ),
    (('--noresidul',), 'Did you mean --noresidual?'),
    (('--xyzzy',), '--xyzzy: unknown flag. See --help.'),
    (('--seed=1', '--seed=1'), '--seed=1: already defined as 1. Give each'),
    (('--seed=1', '--seed', '2'), '--seed=2: already defined as 1. Give each'),
    (('--residual', '--noresidual'), 'Give each flag once.'),
    (('char_lm',), "'char_lm' belongs to no flag."),
    (('x', '--seed=1'), "'x' belongs to no flag."),
    (('--residual', 'false'), "'false' belongs to no flag."),
    (('--', '--seed=1'), "'--seed=1' belongs to no flag."),
    (('--seed',), 'Missing value for flag --seed.'),
    (('--seed=',), '--seed=: expected an integer of at least 0'),
    (('--seed=1e3',), '--seed=1e3: expected an integer'),
    (('--learning_rate=nan',), '--learning_rate=nan: expected a finite number'),
    (('--learning_rate=inf',), '--learning_rate=inf: expected a finite number'),
    (
      ('--batch_size=0',),
      '--batch_size=0: expected an integer of at least 1 and',
    ),
    (('--hidden_size=-3',), '--hidden_size=-3: expected an integer of at lea'),
    (('--cell=ltsm',), "Did you mean 'lstm'?"),
    (('--dataset=tfd',), 'expected one of embedded, tfds. Did you mean'),
    (('--mode=smple',), "expected one of train, sample. Did you mean 'sample'"),
    (('--residual=maybe',), '--residual=maybe: expected true or false.'),
    (('--noresidual=1',), '--noresidual=1 does not take an argument.'),
    (('--flagfile=/does/not/exist',), '--flagfile: '),
    # A flag of absl's own, in the global set only.
    (('--verbosity=1',), '--verbosity: unknown flag.'),
  )
  def test_a_mistake_is_a_sentence(self, argv, sentence):
    with self.assertRaises(errors.UserError) as caught:
      _parse(*argv)
    self.assertIn(sentence, str(caught.exception))
    self.assertNotIn('\n', str(caught.exception))

  def test_a_flagfile_is_read(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path = pathlib.Path(folder, 'my flags')
    path.write_text('# mine\n--seed=3\n\n--residual\n')
    self.assertEqual(
      _parse('--steps=5', f'--flagfile={path}'),
      {'seed': 3, 'residual': True, 'steps': 5},
    )

  def test_the_global_flags_stay_as_they_are(self):
    before = set(absl_flags.FLAGS)
    _parse('--seed=3')
    self.assertEqual(set(absl_flags.FLAGS), before)


class HelpTest(parameterized.TestCase):
  DOC = """Learns to copy.

  Source: nobody.

  A third paragraph.
  """

  def setUp(self):
    super().setUp()
    self.text = flags.help_text(Config, self.DOC, 'copy', ('train', 'sample'))

  @parameterized.parameters('--help', '-h', '--helpfull')
  def test_it_is_asked_for_in_three_ways(self, argument):
    self.assertTrue(flags.asks_for_help(['--sede=3', argument]))
    self.assertFalse(flags.asks_for_help(['--seed=3']))

  def test_it_begins_with_the_docstring_and_the_usage(self):
    self.assertStartsWith(
      self.text,
      'Learns to copy.\n\nSource: nobody.\n\n'
      'usage: ./launch.sh copy [--flag=value ...]\n\n',
    )

  def test_every_flag_stands_once_under_its_group_with_its_default(self):
    groups = [line for line in self.text.splitlines() if line.endswith(':')]
    self.assertEqual(
      groups,
      'data: model: regularisation: training: run: sampling: machine: '
      'also:'.split(),
    )
    for name in experiment.declared(Config):
      self.assertEqual(self.text.count(f'\n  --{name}='), 1, name)
    self.assertIn('--steps=3000 ', self.text)
    self.assertIn('--residual=false ', self.text)
    training = self.text.split('training:')[1].split('\n\n')[0]
    self.assertIn('--learning_rate=0.002', training)

  def test_choices_are_listed(self):
    self.assertIn('text to learn (embedded, tfds)', self.text)
    self.assertIn('what to do (train, sample)', self.text)

  def test_it_fits_80_columns_and_is_aligned(self):
    for line in self.text.splitlines():
      self.assertLessEqual(len(line), 80)
    (row,) = [x for x in self.text.splitlines() if '--cell=' in x]
    self.assertEqual(row.index('recurrent cell'), 28)

  def test_a_flag_too_long_for_its_column_gets_a_line_of_its_own(self):
    @dataclasses.dataclass(frozen=True)
    class Long(Config):
      prompt: str = 'x' * 40

    text = flags.help_text(Long, self.DOC, 'copy')
    self.assertIn(f'x\n{" " * 28}beginning of a sample\n', text)


if __name__ == '__main__':
  absltest.main()
