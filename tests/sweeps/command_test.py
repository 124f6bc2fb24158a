"""Tests for seqjax.sweeps.command."""

import contextlib
import io
import pathlib

from absl.testing import absltest, parameterized

from experiments import char_lm
from seqjax import errors
from seqjax.sweeps import command


def parse(*argv):
  with contextlib.redirect_stdout(io.StringIO()):
    return command.parse(argv, 'A sweep.')


class ParseTest(parameterized.TestCase):
  def test_what_is_typed_is_the_space(self):
    sweep = parse(
      'char_lm',
      '--grid=cell=lstm,gru',
      '--hidden_size=8',
      '--sample=learning_rate=log(1e-4,1e-2)',
      '--trials=3',
    )
    self.assertIs(sweep.module, char_lm)
    self.assertEqual(sweep.space.fixed, {'hidden_size': 8})
    self.assertEqual(sweep.swept, ['cell', 'learning_rate'])
    self.assertEqual(sweep.count, 6)
    trials = list(sweep.space)
    self.assertLen(trials, 6)
    self.assertEqual([x['cell'] for x in trials], ['lstm'] * 3 + ['gru'] * 3)

  def test_flags_may_stand_apart_from_their_values(self):
    a = parse('char_lm', '--grid', 'seed=0,1', '--steps', '7')
    b = parse('char_lm', '--grid=seed=0,1', '--steps=7')
    self.assertEqual(a.description, b.description)

  def test_without_a_space_it_is_the_first_of_the_experiment(self):
    known = char_lm.sweep()
    for name, flags in known.items():
      self.assertEqual(
        parse('char_lm', f'--sweep={name}').description,
        parse('char_lm', *flags).description,
      )
    first = parse('char_lm').description
    self.assertEqual(
      first, parse('char_lm', *known[next(iter(known))]).description
    )

  def test_what_was_typed_beside_a_named_sweep_holds(self):
    sweep = parse('char_lm', '--hidden_size=8')
    self.assertEqual(sweep.space.fixed['hidden_size'], 8)

  def test_samples_are_drawn_16_times(self):
    sample = '--sample=learning_rate=log(1e-4,1e-2)'
    self.assertEqual(parse('char_lm', sample).count, 16)

  @parameterized.parameters(
    ('expected ./launch.sh sweep EXPERIMENT',),
    ("Unknown experiment 'chr_lm'. Did you mean 'char_lm'", 'chr_lm'),
    ("Unknown experiment '../x'", '../x'),
    ("Unknown experiment '__init__'", '__init__'),
    ("Unknown field 'sed'. Did you mean 'seed'", 'char_lm', '--grid=sed=1'),
    ("Unknown field ''", 'char_lm', '--grid==1'),
    ('expected --grid=name=', 'char_lm', '--grid=seed'),
    ('--seed=: expected an integer', 'char_lm', '--grid=seed='),
    ('0 is there twice', 'char_lm', '--grid=seed=0,0'),
    ('given twice', 'char_lm', '--grid=seed=0', '--grid=seed=1'),
    ('given twice', 'char_lm', '--grid=seed=0', '--seed=1'),
    ('changes no result', 'char_lm', '--grid=workdir=a,b'),
    ('changes no result', 'char_lm', '--grid=mode=train,sample'),
    ("Did you mean 'lstm'", 'char_lm', '--grid=cell=gru,ltsm'),
    ('no logarithm', 'char_lm', '--sample=forget_bias=log(-1,1)'),
    ('at least 0', 'char_lm', '--sample=learning_rate=log(-1,1)'),
    ('the lesser number first', 'char_lm', '--sample=clip_norm=uniform(2,1)'),
    ('the lesser number first', 'char_lm', '--sample=clip_norm=log(2,2)'),
    ('expected two numbers', 'char_lm', '--sample=clip_norm=log()'),
    ('is no number', 'char_lm', '--sample=cell=log(1,2)'),
    (
      'Did you mean --learning_rate',
      'char_lm',
      '--grid=seed=1',
      '--lerning_rate=3',
    ),
    ('Did you mean --workers', 'char_lm', '--grid=seed=1', '--wrkers=3'),
    ('belongs to no flag', 'char_lm', '--grid=seed=1', 'stray'),
    ('--mode is not for sweeps', 'char_lm', '--grid=seed=1', '--mode=sample'),
    ('--coordinator is not', 'char_lm', '--grid=seed=1', '--coordinator=a:1'),
    ('no sweep() of its own', 'dna'),
    ("Unknown sweep 'cels'. Did you mean 'cells'", 'char_lm', '--sweep=cels'),
    ('Leave out yours', 'char_lm', '--sweep=cells', '--grid=seed=0,1'),
    ('no --sample to draw from', 'char_lm', '--grid=seed=0', '--trials=3'),
    ('--trials=-1', 'char_lm', '--sample=clip_norm=log(1,2)', '--trials=-1'),
    ('--trials=0', 'char_lm', '--sample=clip_norm=log(1,2)', '--trials=0'),
    ('--workers=-2: expected', 'char_lm', '--grid=seed=0', '--workers=-2'),
    ('--sweep_seed=-1', 'char_lm', '--grid=seed=0', '--sweep_seed=-1'),
    ('goes by a metric', 'char_lm', '--grid=seed=0', '--search=halving'),
    ('halvng', 'char_lm', '--grid=seed=0', '--search=halvng'),
    ('invalid int value', 'char_lm', '--grid=seed=0', '--workers=two'),
  )
  def test_what_is_refused(self, words, *argv):
    with self.assertRaises(errors.UserError) as caught:
      parse(*argv)
    self.assertIn(words, str(caught.exception))

  @parameterized.parameters(
    ('--sample=learning_rate=log(1e-4,1e-2)', '--trials=10000000'),
    (
      '--grid=seed=' + ','.join(map(str, range(300))),
      '--sample=learning_rate=log(1e-4,1e-2)',
      '--trials=100000000000',
    ),
  )
  def test_very_many_trials_are_asked_about_and_not_made(self, *argv):
    with self.assertRaisesRegex(errors.UserError, ',000 trials.*add --yes'):
      parse('char_lm', *argv)
    self.assertGreater(parse('char_lm', *argv, '--yes').count, 10**6)


class DirectoryTest(parameterized.TestCase):
  @parameterized.parameters(
    ('--workers=3',),
    ('--engine=ray', '--address=a:1'),
    ('--form=vmap',),
    ('--yes', '--retry', '--rerun_best'),
    ('--metric=valid/x',),
  )
  def test_how_it_is_run_makes_it_no_other_sweep(self, *argv):
    a, b = (parse('char_lm', '--grid=seed=0,1', *x) for x in ((), argv))
    self.assertEqual(a.directory, b.directory)

  @parameterized.parameters(
    ('--grid=seed=0,1,2',),
    ('--grid=seed=0,1', '--hidden_size=8'),
    ('--grid=seed=0,1', '--steps=8'),
    ('--grid=seed=0,1', '--sample=clip_norm=log(1,2)'),
    ('--grid=seed=0,1', '--search=halving', '--metric=a/b'),
  )
  def test_what_is_tried_makes_it_another(self, *argv):
    a, b = (parse('char_lm', *x) for x in (['--grid=seed=0,1'], argv))
    self.assertNotEqual(a.directory, b.directory)

  def test_more_draws_are_another(self):
    sample = '--sample=clip_norm=log(1,2)'
    a, b = (parse('char_lm', sample, f'--trials={n}') for n in (3, 4))
    self.assertNotEqual(a.directory, b.directory)

  def test_another_spelling_is_the_same(self):
    a = parse('char_lm', '--grid=learning_rate=1e-3', '--steps=8', '--seed=1')
    b = parse(
      'char_lm', '--seed=1', '--grid= learning_rate = 0.001', '--steps=8'
    )
    self.assertEqual(a.directory, b.directory)

  def test_it_is_that_of_the_flag(self):
    sweep = parse('char_lm', '--grid=seed=0,1', '--workdir=~/猫')
    self.assertEqual(sweep.directory, pathlib.Path('~/猫').expanduser())


if __name__ == '__main__':
  absltest.main()
