"""Tests for seqjax.sweeps.space."""

import dataclasses
import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors, experiment
from seqjax.sweeps import space as space_lib


@dataclasses.dataclass(frozen=True)
class Config(experiment.Config):
  delay: int = experiment.field(20, 'steps to remember', minimum=1)
  prompt: str = experiment.field('', 'a beginning', kind='runtime')

  def __post_init__(self):
    super().__post_init__()
    if self.delay > 50 and self.cell == 'elman':
      raise errors.UserError('--delay: too long for elman.')


def grid(*texts):
  return tuple(space_lib.parse_grid(Config, text) for text in texts)


def ranges(*texts):
  return tuple(space_lib.parse_sample(Config, text) for text in texts)


class GridTest(parameterized.TestCase):
  def test_grids_are_multiplied_the_first_changing_slowest(self):
    space = space_lib.Space(
      Config, {'steps': 9}, grid('cell=lstm,gru', 'seed=0,1')
    )
    self.assertLen(space, 4)
    self.assertEqual(
      [(x['steps'], x['cell'], x['seed']) for x in space],
      [(9, 'lstm', 0), (9, 'lstm', 1), (9, 'gru', 0), (9, 'gru', 1)],
    )

  @parameterized.parameters(
    ('learning_rate=1e-3, 3e-3', (1e-3, 3e-3)),
    ('hidden_sizes=64;128,64', ((64,), (128, 64))),
    ('residual=true,false', (True, False)),
    ('steps=5', (5,)),
  )
  def test_values_are_those_of_the_field(self, text, values):
    self.assertEqual(grid(text)[0].values, values)

  @parameterized.parameters(
    ('learning_rat=1', "Unknown field 'learning_rat'. Did you mean 'learning_"),
    ('cell', 'expected --grid=name='),
    ('cell=lstm,ltsm', "--cell=ltsm: expected one of .* Did you mean 'lstm'"),
    ('delay=', '--delay=: expected an integer'),
    ('delay=0', 'of at least 1'),
    ('seed=1,1', '1 is there twice'),
    ('prompt=a,b', '--prompt changes no result'),
    ('workdir=a,b', '--workdir changes no result'),
    ('eval_every=1,2', '--eval_every changes no result'),
  )
  def test_what_is_no_grid_is_a_sentence(self, text, words):
    with self.assertRaisesRegex(errors.UserError, words):
      grid(text)

  def test_what_two_settings_say_together_is_checked(self):
    space = space_lib.Space(Config, {}, grid('cell=lstm,elman', 'delay=9,60'))
    with self.assertRaisesRegex(errors.UserError, 'too long for elman'):
      list(space)

  @parameterized.parameters(
    ({'seed': 1}, ['seed=0,1'], []),
    ({}, ['seed=0,1', 'seed=2'], []),
    ({}, ['seed=0,1'], ['seed=integer(3,4)']),
  )
  def test_a_field_is_given_once(self, fixed, grids, samples):
    with self.assertRaisesRegex(errors.UserError, '--seed is given twice'):
      space_lib.Space(Config, fixed, grid(*grids), ranges(*samples))

  def test_to_draw_needs_something_to_draw_from(self):
    with self.assertRaisesRegex(errors.UserError, '--grid=seed=0,1,2'):
      space_lib.Space(Config, {}, grid('seed=0,1'), trials=3)

  def test_millions_are_counted_without_being_made(self):
    sample = ranges('learning_rate=log(1e-4,1e-2)')
    space = space_lib.Space(Config, {}, (), sample, trials=10**7)
    self.assertLen(space, 10**7)


class SampleTest(parameterized.TestCase):
  @parameterized.product(
    text=(
      'learning_rate=log(1e-4,1e-2)',
      'learning_rate=uniform(1e-4,1e-2)',
      'delay=integer(1,9)',
      'delay=log(1,9)',
      'delay=uniform(1,9)',
    )
  )
  def test_the_ends_are_reached_and_never_passed(self, text):
    (found,) = ranges(text)
    low, high = (1e-4, 1e-2) if 'rate' in text else (1, 9)
    values = [found.at(u) for u in np.linspace(0, np.nextafter(1, 0), 1000)]
    self.assertEqual((values[0], values[-1]), (low, high))
    self.assertEqual(values, sorted(values))
    self.assertIs(type(values[5]), type(low))

  def test_a_logarithm_is_uniform_in_its_exponent(self):
    (found,) = ranges('learning_rate=log(1e-4,1e-2)')
    logs = [math.log10(found.at(u)) for u in (0.25, 0.5, 0.75)]
    np.testing.assert_allclose(logs, [-3.5, -3, -2.5], atol=1e-3)

  def test_integers_are_equally_likely(self):
    (found,) = ranges('delay=integer(1,4)')
    values = [found.at(u) for u in np.arange(0, 1, 1 / 400)]
    self.assertEqual([values.count(x) for x in (1, 2, 3, 4)], [100] * 4)

  @parameterized.parameters(
    ('cell=choice(lstm,gru)', {'lstm', 'gru'}),
    ('hidden_sizes=choice(64;128,64)', {(64,), (128, 64)}),
  )
  def test_a_choice_is_made_among_all(self, text, values):
    (found,) = ranges(text)
    self.assertEqual({found.at(u) for u in np.linspace(0, 0.999, 50)}, values)

  @parameterized.parameters(
    ('learning_rate=log(0,1)', '0.0 has no logarithm'),
    ('learning_rate=log(-1,1)', '--learning_rate=-1: expected'),
    ('learning_rate=log(1e-2,1e-4)', 'the lesser number first'),
    ('learning_rate=uniform(1,1)', 'the lesser number first'),
    ('learning_rate=uniform(1)', 'expected two numbers'),
    ('learning_rate=integer(1,2)', '--learning_rate is no integer'),
    ('learning_rate=1e-3', 'expected learning_rate=log'),
    ('learning_rate=normal(0,1)', 'expected learning_rate=log'),
    ('cell=uniform(1,2)', '--cell is no number. Say choice'),
    ('cell=choice(ltsm)', "Did you mean 'lstm'"),
    ('mode=choice(train)', '--mode changes no result'),
  )
  def test_what_is_no_range_is_a_sentence(self, text, words):
    with self.assertRaisesRegex(errors.UserError, words):
      ranges(text)

  @parameterized.parameters(*space_lib.SAMPLERS)
  def test_draws_follow_from_the_seed(self, sampler):
    draw = lambda seed, trials: [
      trial['learning_rate']
      for trial in space_lib.Space(
        Config,
        {},
        (),
        ranges('learning_rate=log(1e-4,1e-2)'),
        trials=trials,
        seed=seed,
        sampler=sampler,
      )
    ]
    self.assertEqual(draw(3, 8), draw(3, 8))
    self.assertNotEqual(draw(3, 8), draw(4, 8))
    # More of them begin with the same.
    self.assertEqual(draw(3, 20)[:8], draw(3, 8))
    self.assertLen(set(draw(3, 20)), 20)

  def test_halton_leaves_no_part_empty(self):
    space = space_lib.Space(
      Config, {}, (), ranges('delay=integer(1,8)'), trials=8
    )
    self.assertLen({trial['delay'] for trial in space}, 8)

  def test_each_point_of_the_grid_gets_the_same_draws(self):
    space = space_lib.Space(
      Config,
      {},
      grid('cell=lstm,gru'),
      ranges('learning_rate=log(1e-4,1e-2)', 'seed=integer(0,99)'),
      trials=3,
    )
    drawn = {'lstm': [], 'gru': []}
    for trial in space:
      drawn[trial['cell']].append((trial['learning_rate'], trial['seed']))
    self.assertLen(space, 6)
    self.assertEqual(drawn['lstm'], drawn['gru'])

  def test_another_sampler_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'halton'"):
      space_lib.Space(
        Config, {}, (), ranges('delay=integer(1,8)'), sampler='haltn'
      )


if __name__ == '__main__':
  absltest.main()
