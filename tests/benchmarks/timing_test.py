import json
import pathlib
import tempfile

import numpy as np
from absl.testing import absltest

from benchmarks import _timing


class TimingTest(absltest.TestCase):
  def test_all_take_turns_in_another_order_each_round(self):
    calls = []
    programs = {name: lambda name=name: calls.append(name) for name in 'abcd'}
    rng = np.random.default_rng(0)
    first, seconds = _timing.take_turns(programs, 5, rng)
    self.assertEqual(calls[:4], list('abcd'))
    self.assertEqual(list(first), list('abcd'))
    # Each turn is one call untimed and one timed.
    turns = calls[4::2]
    self.assertEqual(turns, calls[5::2])
    rounds = [''.join(turns[i : i + 4]) for i in range(0, 20, 4)]
    self.assertEqual({''.join(sorted(r)) for r in rounds}, {'abcd'})
    self.assertGreater(len(set(rounds)), 1)
    self.assertEqual(
      {name: len(s) for name, s in seconds.items()},
      {name: 5 for name in 'abcd'},
    )

  def test_a_result_is_saved_with_its_machine(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path = pathlib.Path(folder, 'results', 'a.json')
    _timing.save(path, rows=[1])
    self.assertEqual(
      set(json.loads(path.read_text())), {'device', 'cores', 'jax', 'rows'}
    )


if __name__ == '__main__':
  absltest.main()
