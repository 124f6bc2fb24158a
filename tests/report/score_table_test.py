"""Scores as aligned text."""

from absl.testing import absltest

from seqjax.report import score_table


class ScoreTableTest(absltest.TestCase):
  def test_columns_stand_under_their_names(self):
    text = score_table.score_table(
      {'naive': {'mae': 12.345678}, 'ridge': {'mae': 1e-7, 'rmse': 30000.0}}
    )
    self.assertEqual(
      text.splitlines(),
      ['         mae   rmse', 'naive  12.35', 'ridge  1e-07  3e+04'],
    )


if __name__ == '__main__':
  absltest.main()
