"""Tests for seqjax.sweeps.driver, with an engine of paper."""

import collections
import pathlib

import folder_case
from absl.testing import absltest, parameterized

from seqjax.sweeps import driver, record, search
from seqjax.sweeps import trial as trials

SPACE = {'experiment': 'none', 'search': 'all'}
DONE = trials.Outcome('done', {'valid/loss': 0.5}, 1.5)
LOST = trials.Outcome('lost', {}, 0.25, 'its worker ended (-9)')


def trial(name, program='p', steps=5):
  return trials.Trial(name, {'seed': 1}, program, steps)


class Paper:
  """An engine whose groups end in order, one trial for each wait.

  Args:
    places: groups at a time.
    outcomes: name -> how it ends, one time after another; then 'done'.
  """

  def __init__(self, places=1, **outcomes):
    self._places = places
    self._outcomes = {k: collections.deque(x) for k, x in outcomes.items()}
    self.submitted, self._under_way = [], []

  def free(self):
    return self._places - len(self._under_way)

  def submit(self, group):
    assert self.free()
    self.submitted.append([x.name for x in group])
    self._under_way.append(collections.deque(group))

  def wait(self):
    group = self._under_way[0]
    trial = group.popleft()
    if not group:
      del self._under_way[0]
    return [(trial, self._outcome(trial.name))]

  def _outcome(self, name):
    left = self._outcomes.get(name)
    return left.popleft() if left else DONE


class Asked(search.Listed):
  """Keeps what it is told, and has nothing to say until it is told enough.

  Args:
    listed: the trials.
    at_once: so many are named before one of them has ended.
  """

  def __init__(self, listed, at_once=100):
    super().__init__(listed)
    self.told, self._open, self._at_once = [], 0, at_once

  def ask(self):
    if self._open == self._at_once:
      return None
    asked = super().ask()
    self._open += asked is not None
    return asked

  def tell(self, trial, outcome):
    self._open -= 1
    self.told.append((trial.name, outcome.status))


class DriverTestCase(folder_case.FolderTestCase):
  def run_all(self, engine, listed, *, at_once=100, **options):
    """What came of the trials; keeps what was said and told."""
    self.said = []
    self.search = Asked(listed, at_once)
    say = lambda trial, outcome: self.said.append((trial.name, outcome.status))
    with record.Record(self.folder, SPACE) as on_record:
      return driver.run(self.search, engine, on_record, say=say, **options)

  def lines(self):
    path = pathlib.Path(self.folder, record.NAME)
    return path.read_text().count('\n')


class RunTest(DriverTestCase, parameterized.TestCase):
  @parameterized.product(places=(1, 2, 9), at_once=(1, 3, 100))
  def test_each_trial_is_run_once(self, places, at_once):
    engine, listed = Paper(places), [trial(x) for x in 'abcde']
    rows = self.run_all(engine, listed, at_once=at_once)
    self.assertEqual(rows, [(x, DONE) for x in listed])
    self.assertEqual(engine.submitted, [[x] for x in 'abcde'])
    self.assertEqual(self.said, [(x, 'done') for x in 'abcde'])
    self.assertEqual(self.search.told, self.said)
    self.assertEqual(self.lines(), 5)

  def test_no_trials_are_no_rows(self):
    self.assertEqual(self.run_all(Paper(), []), [])

  def test_what_has_ended_before_is_told_and_not_run(self):
    first, both = [trial('a')], [trial('a'), trial('b')]
    self.run_all(Paper(a=[trials.Outcome('failed', {}, 1.0, 'No.')]), first)
    engine = Paper()
    rows = self.run_all(engine, both)
    self.assertEqual(engine.submitted, [['b']])
    self.assertEqual([x.status for _, x in rows], ['failed', 'done'])
    self.assertEqual(self.search.told, [('a', 'failed'), ('b', 'done')])
    self.assertEqual(self.said, [('b', 'done')])

  def test_more_steps_are_another_trial(self):
    self.run_all(Paper(), [trial('a', steps=5)])
    engine = Paper()
    self.run_all(engine, [trial('a', steps=5), trial('a', steps=9)])
    self.assertEqual(engine.submitted, [['a']])
    self.assertEqual(self.lines(), 2)

  def test_a_search_that_repeats_itself_is_a_bug(self):
    with self.assertRaisesRegex(ValueError, 'a was asked for twice'):
      self.run_all(Paper(), [trial('a'), trial('a')])

  def test_an_outcome_is_on_record_before_anything_follows_from_it(self):
    """Else a kill in between would have it told, and run again."""
    counts = []

    def count(*_):
      counts.append(self.lines())

    with record.Record(self.folder, SPACE) as on_record:
      search = Asked([trial('a'), trial('b')])
      search.tell = count
      driver.run(search, Paper(), on_record, say=count)
    self.assertEqual(counts, [1, 1, 2, 2])


class LostTest(DriverTestCase, parameterized.TestCase):
  def test_a_lost_trial_is_run_again_before_others(self):
    engine = Paper(a=[LOST, LOST])
    listed = [trial('a', 'p'), trial('b', 'q')]
    rows = self.run_all(engine, listed, together=2)
    self.assertEqual(engine.submitted, [['a'], ['a'], ['a'], ['b']])
    self.assertEqual([x for _, x in rows], [DONE, DONE])
    self.assertEqual(self.said, [('a', 'done'), ('b', 'done')])
    self.assertEqual(self.lines(), 2)

  def test_one_that_kills_its_worker_each_time_has_failed(self):
    engine = Paper(a=[LOST] * 9)
    rows = self.run_all(engine, [trial('a'), trial('b')])
    self.assertEqual(engine.submitted, [['a']] * 3 + [['b']])
    words = 'its worker died 3 times, at last: its worker ended (-9)'
    failed = trials.Outcome('failed', {}, 0.25, words)
    self.assertEqual([x for _, x in rows], [failed, DONE])
    self.assertEqual(self.search.told, [('a', 'failed'), ('b', 'done')])

  def test_the_rest_of_a_group_counts_though_one_was_lost(self):
    engine = Paper(b=[LOST])
    rows = self.run_all(engine, [trial(x) for x in 'abc'], together=3)
    self.assertEqual(engine.submitted, [['a', 'b', 'c'], ['b']])
    self.assertEqual([x for _, x in rows], [DONE] * 3)


class TogetherTest(DriverTestCase):
  def test_a_group_shares_its_program(self):
    engine = Paper()
    listed = [
      trial(name, program)
      for name, program in zip('abcde', 'ppqpq', strict=True)
    ]
    rows = self.run_all(engine, listed, together=9)
    self.assertEqual(engine.submitted, [['a', 'b', 'd'], ['c', 'e']])
    self.assertEqual([x for x, _ in rows], listed)

  def test_a_group_is_no_larger_than_asked(self):
    engine = Paper()
    self.run_all(engine, [trial(x) for x in 'abcde'], together=2)
    self.assertEqual(engine.submitted, [['a', 'b'], ['c', 'd'], ['e']])

  def test_no_more_is_asked_for_than_is_run(self):
    """A search that learns from what ended knows as much as there is."""
    engine, asked = Paper(2), []

    def listed():
      for name in 'abcdef':
        asked.append(name)
        yield trial(name)

    submit = engine.submit
    engine.submit = lambda group: (
      submit(group),
      self.assertLessEqual(len(asked), 2 + len(self.said)),
    )
    self.run_all(engine, listed())
    self.assertLen(engine.submitted, 6)


if __name__ == '__main__':
  absltest.main()
