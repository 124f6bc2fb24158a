"""Tests for seqjax.sweeps.search."""

import itertools

from absl.testing import absltest

from seqjax.sweeps import search as searches
from seqjax.sweeps import trial as trials


class ListedTest(absltest.TestCase):
  def test_the_list_is_gone_through_once_in_its_order(self):
    search = searches.Listed(['b', 'a', 'b'])
    self.assertEqual(
      [search.ask() for _ in range(5)], ['b', 'a', 'b', None, None]
    )

  def test_how_a_trial_ended_changes_nothing(self):
    search = searches.Listed(['a', 'b'])
    search.tell(search.ask(), trials.Outcome('failed', {}, 1.0))
    self.assertEqual([search.ask(), search.ask()], ['b', None])

  def test_no_more_is_made_than_is_asked_for(self):
    counter = itertools.count()
    search = searches.Listed(counter)
    self.assertEqual([search.ask(), search.ask()], [0, 1])
    self.assertEqual(next(counter), 2)


if __name__ == '__main__':
  absltest.main()
