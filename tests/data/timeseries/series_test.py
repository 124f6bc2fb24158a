"""Tests for seqjax.data.timeseries.series."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import frequency, series


def days(start, n):
  return np.datetime64(start, 's') + np.arange(n) * np.timedelta64(1, 'D')


def make(name, names, times, static=0.0, **fields):
  """One target, and no covariates but a static one."""
  lengths = [len(one) for one in times]
  made = series.Series(
    names=tuple(names),
    times=tuple(times),
    targets=tuple(np.arange(n, dtype=float)[:, None] for n in lengths),
    past=tuple(np.zeros((n, 0)) for n in lengths),
    known=tuple(np.ones((n, 2)) for n in lengths),
    static=np.full((len(names), 1), static),
    columns=series.Columns(('y',), known=('k', 'l'), static=('s',)),
    frequency=frequency.parse('1d'),
    name=name,
    notes=(f'of {name}',),
  )
  return series.signed(made._replace(**fields))


class SignedTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.one = make('a', 'pq', [days('2014-01-01', 3), days('2014-01-02', 2)])

  def sha256(self, **fields):
    return series.signed(self.one._replace(**fields)).sha256

  def test_what_counts(self):
    one = self.one
    targets = (one.targets[0] + 1e-12, one.targets[1])
    times = (one.times[0] + 1, one.times[1])
    others = [
      self.sha256(names=('p', 'r')),
      self.sha256(targets=targets),
      self.sha256(times=times),
      self.sha256(known=one.known[:1] + (one.known[1] * 2,)),
      self.sha256(static=one.static + 1),
      self.sha256(columns=one.columns._replace(targets=('z',))),
      self.sha256(frequency=None),
      self.sha256(past=tuple(k[:, :0] for k in one.known), known=one.past),
    ]
    self.assertLen({one.sha256, *others}, 1 + len(others))

  def test_what_does_not(self):
    self.assertEqual(self.one.sha256, self.sha256(name='b', notes=('x',)))
    values = (np.copysign([[np.nan], [np.nan], [0]], sign) for sign in (1, -1))
    targets = [(one, self.one.targets[1]) for one in values]
    self.assertEqual(*(self.sha256(targets=one) for one in targets))
    self.assertEqual(
      self.one.sha256,
      self.sha256(known=tuple(np.asfortranarray(k) for k in self.one.known)),
    )

  def test_it_is_the_same_on_every_machine(self):
    self.assertStartsWith(self.one.sha256, '506dfc720548128a')


class PartsTest(absltest.TestCase):
  def test_the_first_rows_are_a_series_again(self):
    whole = make(
      'a', ('x', 'y'), [days('2024-01-01', 9), days('2024-02-01', 4)]
    )
    first = series.head(whole, 6)
    self.assertEqual([len(y) for y in first.targets], [6, 4])
    self.assertEqual([len(t) for t in first.times], [6, 4])
    self.assertNotEqual(first.sha256, whole.sha256)
    np.testing.assert_array_equal(first.targets[0], whole.targets[0][:6])

  def test_columns_apart_keep_their_numbers_and_covariates(self):
    one = make('a', ('x', 'y'), [days('2024-01-01', 5), days('2024-02-01', 4)])
    both = one._replace(
      targets=tuple(np.concatenate([y, y + 100], axis=1) for y in one.targets),
      columns=one.columns._replace(targets=('load', 'oil')),
    )
    apart = series.apart(both)
    self.assertEqual(apart.names, ('x load', 'x oil', 'y load', 'y oil'))
    self.assertEqual(apart.static.shape[0], 4)
    for i, (s, d) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
      np.testing.assert_array_equal(
        apart.targets[i][:, 0], both.targets[s][:, d]
      )
      np.testing.assert_array_equal(apart.times[i], both.times[s])
      np.testing.assert_array_equal(apart.known[i], both.known[s])


class FollowTest(parameterized.TestCase):
  def test_rows_go_on_by_name(self):
    first = make('a', 'pq', [days('2014-01-01', 3), days('2014-01-02', 4)])
    more = make('b', 'qp', [days('2014-01-06', 2), days('2014-01-04', 1)])
    joined = series.follow(first, more)
    np.testing.assert_array_equal(joined.times[0], days('2014-01-01', 4))
    np.testing.assert_array_equal(joined.times[1], days('2014-01-02', 6))
    np.testing.assert_array_equal(joined.targets[0][:, 0], [0, 1, 2, 0])
    np.testing.assert_array_equal(joined.targets[1][:, 0], [0, 1, 2, 3, 0, 1])
    self.assertEqual([k.shape for k in joined.known], [(4, 2), (6, 2)])
    self.assertEqual([p.shape for p in joined.past], [(4, 0), (6, 0)])
    self.assertEqual(joined.notes, ('of a', 'of b'))
    self.assertEqual(joined.sha256, series.signed(joined).sha256)
    self.assertNotEqual(joined.sha256, first.sha256)

  def test_utc_goes_on_in_utc(self):
    first = make('a', 'p', [days('2014-01-01', 3)], is_utc=True)
    more = make('b', 'p', [days('2014-01-04', 1)], is_utc=True)
    self.assertTrue(series.follow(first, more).is_utc)
    self.assertTrue(series.apart(series.head(first, 2)).is_utc)

  def test_integers_go_on_where_they_ended(self):
    first = make('a', ['p'], [np.array([10, 20])], frequency=None)
    more = make('b', ['p'], [np.arange(3)], frequency=None)
    np.testing.assert_array_equal(
      series.follow(first, more).times[0], [10, 20, 30, 40, 50]
    )

  def test_a_series_without_more_stays_and_is_told(self):
    first = make('a', 'pq', [days('2014-01-01', 3)] * 2)
    more = make('b', 'p', [days('2014-01-04', 1)])
    joined = series.follow(first, more)
    self.assertEqual([len(one) for one in joined.times], [4, 3])
    self.assertEqual(
      joined.notes[-1], "1 of 2 series have no rows in b (first: 'q')."
    )

  @parameterized.parameters(
    (
      'pr',
      '2014-01-04',
      {},
      "b goes on with the series of a. Unknown series 'r'.*: p, q",
    ),
    (
      'pq',
      '2014-01-05',
      {},
      "series 'p' to go on in b at 2014-01-04 00:00:00, "
      'one step after its end in a, got 2014-01-05',
    ),
    ('pq', '2014-01-04', {'static': 1.0}, "'p' to keep its static .* got .1"),
    (
      'pq',
      '2014-01-04',
      {'frequency': frequency.parse('1h')},
      'b to have the frequency of a, 1d, got 1h',
    ),
    (
      'pq',
      '2014-01-04',
      {'is_utc': True},
      'b to have the clock of a, times without an offset, got times in UTC',
    ),
    (
      'pq',
      '2014-01-04',
      {'columns': series.Columns(('z',))},
      "b to have the columns of a, .*'y'.* got .*'z'",
    ),
  )
  def test_what_does_not_go_on_is_refused(self, names, start, fields, message):
    first = make('a', 'pq', [days('2014-01-01', 3)] * 2)
    more = make('b', names, [days(start, 1)] * 2, **fields)
    with self.assertRaisesRegex(errors.UserError, message):
      series.follow(first, more)


if __name__ == '__main__':
  absltest.main()
