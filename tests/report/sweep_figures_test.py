"""All figures of a sweep."""

import os
import pathlib
import tempfile

from absl.testing import absltest
from sweep_groups import group

from seqjax.report import sweep_figures


class DrawTest(absltest.TestCase):
  def test_all_are_drawn(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    groups = [group({'x': 1}, [1.0, 'failed'])]
    paths = sweep_figures.draw(folder, groups, metric='loss')
    names = 'metric_by_setting', 'learning_curves', 'parallel_coordinates'
    self.assertEqual([path.stem for path in paths], list(names))
    self.assertEqual(
      sorted(os.listdir(pathlib.Path(folder, 'figures'))),
      sorted(f'{name}.png' for name in names),
    )


if __name__ == '__main__':
  absltest.main()
