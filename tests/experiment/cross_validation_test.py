"""Tests for seqjax.experiment.cross_validation."""

import pathlib
import tempfile

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors, experiment
from seqjax.experiment import cross_validation
from seqjax.training import bad_numbers

LABELS = ['a', 'b', 'b', 'a', 'b', 'a', 'a', 'b', 'b', 'b']


class ConfigTest(parameterized.TestCase):
  @parameterized.parameters((0, 0), (1, -1), (1, 0), (3, 3), (3, 4))
  def test_a_fold_that_there_is_not_is_refused(self, num_folds, fold):
    with self.assertRaisesRegex(errors.UserError, f'--fold={fold}: expected'):
      cross_validation.Config(num_folds=num_folds, fold=fold)

  @parameterized.parameters(
    (0, -1, (), ('.',)),
    (3, -1, (0, 1, 2), ('folds/0', 'folds/1', 'folds/2')),
    (3, 2, (2,), ('folds/2',)),
  )
  def test_folds_and_places(self, num_folds, fold, folds, places):
    config = cross_validation.Config(num_folds=num_folds, fold=fold)
    self.assertEqual((config.folds, config.places), (folds, places))


class SplitTest(absltest.TestCase):
  def test_a_share_is_held_out(self):
    config = cross_validation.Config(valid_fraction=0.4, data_seed=2)
    found = cross_validation.split(config, LABELS)
    self.assertEqual(list(found), ['.'])
    train, valid = found['.']
    self.assertLen(valid, 4)
    np.testing.assert_array_equal(
      np.sort(np.concatenate([train, valid])), np.arange(10)
    )

  def test_each_row_is_held_out_in_one_fold(self):
    config = cross_validation.Config(num_folds=3)
    found = cross_validation.split(config, LABELS)
    self.assertEqual(list(found), ['folds/0', 'folds/1', 'folds/2'])
    held_out = np.concatenate([valid for _, valid in found.values()])
    np.testing.assert_array_equal(np.sort(held_out), np.arange(10))
    for train, valid in found.values():
      self.assertEmpty(np.intersect1d(train, valid))
      self.assertLen(np.union1d(train, valid), 10)

  def test_one_fold_alone_is_that_of_all(self):
    of_all = cross_validation.split(
      cross_validation.Config(num_folds=3), LABELS
    )
    of_one = cross_validation.split(
      cross_validation.Config(num_folds=3, fold=1), LABELS
    )
    self.assertEqual(list(of_one), ['folds/1'])
    for part in (0, 1):
      np.testing.assert_array_equal(
        of_one['folds/1'][part], of_all['folds/1'][part]
      )

  def test_the_seed_of_the_data_moves_the_rows(self):
    first, second = (
      cross_validation.split(
        cross_validation.Config(valid_fraction=0.4, data_seed=seed), LABELS
      )
      for seed in (0, 1)
    )
    self.assertFalse(np.array_equal(first['.'][1], second['.'][1]))


class DirectoryTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.run = experiment.RunDirectory(
      pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()), 'run')
    )
    self.run.path.mkdir()

  def test_a_run_has_begun_with_its_first_fold(self):
    self.assertFalse(self.run.begun())
    directory = cross_validation.begin(self.run, 'folds/2')
    self.assertEqual(directory, self.run.path / 'folds' / '2')
    self.assertTrue(directory.is_dir())
    self.assertTrue(self.run.begun())
    self.assertEqual(self.run.steps_made(), 0)

  def test_what_a_run_wrote_stays(self):
    line = '{"step": 3}\n'
    (self.run.path / 'metrics.jsonl').write_text(line)
    self.assertEqual(cross_validation.begin(self.run, '.'), self.run.path)
    self.assertEqual((self.run.path / 'metrics.jsonl').read_text(), line)

  def test_bad_numbers_are_repeated_where_they_came_last(self):
    bad = cross_validation.Config(num_folds=3, jax_debug_nans=True)
    everywhere = ('folds/0', 'folds/1', 'folds/2')
    # Of none, the first says that there are no bad numbers.
    self.assertEqual(cross_validation.to_train(bad, self.run), everywhere)
    (self.run.path / 'folds/2' / bad_numbers.FOLDER).mkdir(parents=True)
    for place in everywhere[:2]:
      folder = self.run.path / place / bad_numbers.FOLDER / '1'
      folder.mkdir(parents=True)
      (folder / 'report.json').touch()
      self.assertEqual(cross_validation.to_train(bad, self.run), (place,))
    fine = cross_validation.Config(num_folds=3)
    self.assertEqual(cross_validation.to_train(fine, self.run), everywhere)

  def test_folds_do_not_begin_from_given_weights(self):
    folds = cross_validation.Config(num_folds=2)
    cross_validation.check(folds, self.run)
    (self.run.path / 'initial.safetensors').touch()
    cross_validation.check(cross_validation.Config(), self.run)
    with self.assertRaisesRegex(errors.UserError, 'weights of its own'):
      cross_validation.check(folds, self.run)


class SummaryTest(absltest.TestCase):
  def test_the_only_place_stands_for_itself(self):
    metrics = {'valid/accuracy': 0.5, 'test/accuracy': 0.25}
    self.assertEqual(cross_validation.summary({'.': metrics}), metrics)

  def test_folds_have_their_mean_and_each_its_accuracy(self):
    found = {
      'folds/0': {'valid/accuracy': 0.5, 'valid/f1_macro': 0.2},
      'folds/3': {'valid/accuracy': 0.75, 'valid/f1_macro': 0.6},
    }
    self.assertEqual(
      cross_validation.summary(found),
      {
        'valid/accuracy': 0.625,
        'valid/f1_macro': 0.4,
        'folds/0/accuracy': 0.5,
        'folds/3/accuracy': 0.75,
      },
    )


if __name__ == '__main__':
  absltest.main()
