"""Tests for seqjax.sweeps.record."""

import json
import math

import folder_case
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.sweeps import record
from seqjax.sweeps import trial as trials

SPACE = {
  'experiment': 'char_lm',
  'grid': {'seed': ['0', '1']},
  'search': 'all',
}
DONE = trials.Outcome('done', {'valid/loss': 0.5}, 1.5)
FAILED = trials.Outcome('failed', {}, 0.5, 'error: No such text.')


def trial(name='a', **settings):
  return trials.Trial(name, settings, 'p', 5)


class RecordTest(folder_case.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.path = self.folder / record.NAME

  def open(self, space=SPACE, **options):
    return self.enterContext(record.Record(self.folder, space, **options))

  def fill(self, **outcomes):
    with record.Record(self.folder, SPACE) as on_record:
      for name, outcome in outcomes.items():
        on_record.add(trial(name), outcome)

  def assert_refused(self, words, **options):
    with self.assertRaisesRegex(errors.UserError, words):
      self.open(**options)

  @parameterized.parameters(
    DONE,
    FAILED,
    trials.Outcome('diverged', {}, 0.5, 'gave up: 10 updates in a row'),
    trials.Outcome('done', {'a/x': math.inf, 'a/y': -0.0, 'b/n': 3.0}, 0.0),
    trials.Outcome('failed', {}, 1.0, 'two\nlines, "quotes" and 猫'),
  )
  def test_an_outcome_comes_back(self, outcome):
    self.fill(a=outcome)
    on_record = self.open()
    self.assertEqual(on_record.get(trial()), outcome)
    self.assertIsNone(on_record.get(trial('b')))
    self.assertLen(on_record, 1)

  def test_nan_comes_back(self):
    self.fill(a=trials.Outcome('done', {'a/x': math.nan}, 0.0))
    self.assertTrue(math.isnan(self.open().get(trial()).metrics['a/x']))

  def test_settings_are_kept_in_the_order_of_their_ends(self):
    with record.Record(self.folder, SPACE) as on_record:
      on_record.add(trial('b', hidden_sizes=(8, 4)), DONE)
      on_record.add(trial('a', seed=1, text_file='/my text'), DONE)
    self.assertEqual(
      self.open().settings(),
      ['--hidden_sizes=8,4', "--seed=1 '--text_file=/my text'"],
    )

  def test_an_outcome_is_there_at_once(self):
    on_record = self.open()
    on_record.add(trial(), DONE)
    self.assertEqual(on_record.get(trial()), DONE)
    self.assertEqual(self.path.read_bytes().count(b'\n'), 1)

  def test_a_second_end_is_a_bug(self):
    self.fill(a=DONE)
    with self.assertRaisesRegex(ValueError, 'a: ended before'):
      self.open().add(trial(), DONE)

  def test_a_torn_last_line_counts_for_nothing_and_is_cut(self):
    self.fill(a=DONE)
    whole = self.path.read_bytes()
    self.path.write_bytes(whole + b'{"step": 5, "trial": "b", "sta')
    on_record = self.open()
    self.assertLen(on_record, 1)
    self.assertEqual(self.path.read_bytes(), whole)
    on_record.add(trial('b'), DONE)
    self.assertEqual(self.path.read_bytes().count(b'\n'), 2)

  @parameterized.parameters(
    ('{"step": 5', 'line 2: expected a JSON object'),
    ('[]', 'line 2: expected a JSON object'),
    ('\x00' * 8, 'line 2: expected a JSON object'),
    ('{"step": 5}', "line 2: expected a trial that has ended .'trial'"),
    (
      '{"step": 5, "trial": "b", "status": "lost?", "seconds": 1, "flags": "",'
      ' "error": ""}',
      'line 2: .*a status and seconds',
    ),
    (
      '{"step": 5, "trial": "b", "status": "done", "seconds": "nan", '
      '"flags": "", "error": ""}',
      'line 2: .*a status and seconds',
    ),
    (
      '{"step": 5, "trial": "b", "status": "done", "seconds": 1, "error": ""}',
      "line 2: .*'flags'",
    ),
    (
      '{"step": 5, "trial": ["b"], "status": "done", "seconds": 1, '
      '"flags": "", "error": ""}',
      'line 2: ',
    ),
  )
  def test_a_damaged_line_is_a_sentence(self, line, words):
    self.fill(a=DONE, b=DONE)
    lines = self.path.read_text().splitlines()
    lines[1] = line
    self.path.write_text('\n'.join(lines) + '\n')
    self.assert_refused(words)

  def test_a_trial_that_is_there_twice_is_a_sentence(self):
    self.fill(a=DONE)
    self.path.write_bytes(self.path.read_bytes() * 2)
    self.assert_refused('line 2: a is there twice')

  def test_another_space_is_a_sentence_that_says_what_differs(self):
    self.open()
    self.assert_refused(
      r'another space \(--grid=seed: 0,1 there, 0 here\).*Repeat its command',
      space=SPACE | {'grid': {'seed': ['0']}},
    )

  def test_a_wider_space_goes_on(self):
    self.fill(a=DONE)
    wider = SPACE | {'grid': {'seed': ['0', '1', '2']}}
    self.assertEqual(self.open(wider).get(trial()), DONE)
    # And is the space from then on.
    self.assert_refused('another space')

  @parameterized.parameters(
    {'grid': {'seed': ['0', '1'], 'cell': ['gru']}},
    {'grid': {'seed': ['1', '2', '3']}},
    {'grid': {'seed': ['0', '1', '2']}, 'flags': '--steps=3'},
    {'search': 'optuna', 'trials': 9},
  )
  def test_what_is_not_wider_is_refused(self, **changes):
    self.open()
    self.assert_refused('another space', space=SPACE | changes)

  def test_more_draws_go_on_and_fewer_do_not(self):
    drawn = SPACE | {'sample': ['clip_norm=log(1,2)'], 'trials': 4}
    self.open(drawn)
    self.open(drawn | {'trials': 5})
    self.assert_refused('trials: 5 there, 4 here', space=drawn)

  @parameterized.parameters('{"a"', '', '[]', '\xff')
  def test_a_damaged_space_is_a_sentence(self, text):
    (self.folder / 'sweep.json').write_text(text)
    self.assert_refused('damaged|another space')

  def test_the_directory_of_a_run_is_no_sweep(self):
    (self.folder / 'config.json').write_text('{}')
    self.assert_refused('holds a run, not a sweep')
    self.assertFalse((self.folder / 'sweep.json').exists())

  def test_retry_forgets_what_failed_and_that_alone(self):
    diverged = trials.Outcome('diverged', {}, 0.5, 'gave up')
    infinite = trials.Outcome('done', {'a/x': math.inf}, 1.0)
    self.fill(a=FAILED, b=DONE, c=diverged, d=FAILED, e=infinite)
    on_record = self.open(retry=True)
    for name, outcome in {'b': DONE, 'c': diverged, 'e': infinite}.items():
      self.assertEqual(on_record.get(trial(name)), outcome)
    self.assertLen(on_record, 3)
    self.assertLen(on_record.settings(), 3)
    on_record.add(trial('a'), DONE)
    rows = [json.loads(line) for line in self.path.read_text().splitlines()]
    self.assertEqual([row['trial'] for row in rows], list('bcea'))

  def test_without_retry_what_failed_stays(self):
    self.fill(a=FAILED)
    self.assertEqual(self.open().get(trial()), FAILED)

  def test_a_metric_by_the_name_of_a_word_is_none(self):
    """Names of metrics have a part, as in valid/loss."""
    self.fill(a=trials.Outcome('done', {'valid/trial': 1.0}, 1.0))
    self.assertEqual(self.open().get(trial()).metrics, {'valid/trial': 1.0})


if __name__ == '__main__':
  absltest.main()
