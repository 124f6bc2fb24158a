import contextlib
import dataclasses
import io
import json
import math
import os
import pathlib
import tempfile
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors, experiment
from seqjax.experiment import environment


@dataclasses.dataclass(frozen=True)
class Config(experiment.Config):
  steps: int = 30
  prompt: str = experiment.field('The ', 'a beginning', kind='runtime')
  beam: int = experiment.field(1, 'texts at once', kind='measuring')


class RunDirectoryTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.enterContext(contextlib.chdir(folder))
    self.path = pathlib.Path('mine')

  def begin(self, **typed):
    """A run directory as it is after the first step."""
    config, run = experiment.resolve(
      Config, {'workdir': 'mine', **typed}, 'copy'
    )
    with run.lock():
      run.save(config, 'copy')
      (run.path / 'metrics.jsonl').write_text('')
    return run

  def resolve(self, **typed):
    return experiment.resolve(Config, {'workdir': 'mine', **typed}, 'copy')[0]

  def edit(self, change):
    record = json.loads((self.path / 'config.json').read_text())
    change(record)
    (self.path / 'config.json').write_text(json.dumps(record))


class ResolveTest(RunDirectoryTestCase):
  def test_the_default_directory_is_named_after_the_run(self):
    config, run = experiment.resolve(Config, {'seed': 3}, 'copy')
    self.assertEqual(
      run.path, pathlib.Path('runs', 'copy', experiment.run_id(config))
    )
    self.assertEqual(config, Config(seed=3))

  def test_home_is_understood(self):
    with mock.patch.dict(os.environ, HOME=os.getcwd()):
      _, run = experiment.resolve(Config, {'workdir': '~/x'}, 'copy')
    self.assertEqual(run.path, pathlib.Path.cwd() / 'x')

  def test_nothing_is_written(self):
    experiment.resolve(Config, {}, 'copy')
    self.assertEmpty(os.listdir())

  @parameterized.parameters('', '..', 'a/b', '.x', 'a b')
  def test_a_name_that_is_no_file_name_is_refused(self, name):
    with self.assertRaisesRegex(ValueError, 'experiment name'):
      experiment.resolve(Config, {}, name)


class ConfigureTest(RunDirectoryTestCase):
  def test_default_then_saved_then_typed(self):
    self.begin(learning_rate=0.1, hidden_sizes=(3, 2), eval_every=7)
    config = self.resolve(eval_every=9)
    self.assertEqual(config.hidden_size, 128)
    self.assertEqual(config.learning_rate, 0.1)
    self.assertEqual(config.hidden_sizes, (3, 2))
    self.assertEqual(config.eval_every, 9)

  def test_runtime_settings_come_from_the_command_only(self):
    self.begin(prompt='saved')
    self.assertEqual(self.resolve().prompt, 'The ')
    self.assertEqual(self.resolve(prompt='new').prompt, 'new')

  def test_another_identity_is_refused_with_the_difference(self):
    self.begin(learning_rate=0.002)
    with self.assertRaises(errors.UserError) as caught:
      self.resolve(learning_rate=0.01, hidden_sizes=(8, 4), eval_every=3)
    self.assertEqual(
      str(caught.exception),
      'mine holds a run with other settings (learning_rate: the run has 0.002, '
      'the command says 0.01; hidden_sizes: the run has none, the command says '
      '8,4). Leave the flag out, or choose another --workdir.',
    )

  def test_a_run_that_has_not_begun_may_be_put_right(self):
    run = self.begin(data_seed=8, learning_rate=0.1)
    run.record_data('ab' * 32)
    (self.path / 'metrics.jsonl').unlink()
    config = self.resolve(learning_rate=0.2)
    run.save(config, 'copy')
    run.record_data('cd' * 32)
    self.assertEqual(
      run.read()['config'],
      json.loads(
        json.dumps(
          experiment.settings(
            Config(learning_rate=0.2), 'identity', 'extendable'
          )
        )
      ),
    )
    self.assertEqual(run.read()['data_sha256'], 'cd' * 32)

  def test_the_same_value_typed_again_is_no_difference(self):
    self.begin(learning_rate=0.01, hidden_sizes=(8, 4))
    config = self.resolve(learning_rate=0.01, hidden_sizes=(8, 4), seed=0)
    self.assertEqual(config.hidden_sizes, (8, 4))

  def test_steps_extend_unless_the_schedule_reads_them(self):
    self.begin()
    self.assertEqual(self.resolve(steps=60).steps, 60)
    self.path = pathlib.Path('other')
    self.begin(workdir='other', schedule='cosine')
    with self.assertRaisesRegex(errors.UserError, 'steps: the run has 30'):
      self.resolve(workdir='other', steps=60)

  def test_a_run_of_another_experiment_is_refused(self):
    self.begin()
    with self.assertRaisesRegex(
      errors.UserError, 'mine holds a run of copy, not of char_lm'
    ):
      experiment.resolve(Config, {'workdir': 'mine'}, 'char_lm')

  def test_unknown_keys_are_refused(self):
    self.begin()
    self.edit(lambda record: record['config'].update(widht=3))
    with self.assertRaisesRegex(errors.UserError, 'config.json sets widht'):
      self.resolve()

  def test_a_field_that_came_later_takes_its_default(self):
    self.begin()
    self.edit(lambda record: record['config'].pop('dropout_rate'))
    self.assertEqual(self.resolve().dropout_rate, 0.0)

  def test_a_bad_value_in_the_file_names_the_file(self):
    self.begin()
    self.edit(lambda record: record['config'].update(cell='ltsm'))
    with self.assertRaisesRegex(errors.UserError, 'config.json: --cell=ltsm'):
      self.resolve()

  @parameterized.parameters('', '{', '[]', '{"config": 3}', 'null', '\udcff')
  def test_a_damaged_file_is_a_sentence(self, text):
    self.begin()
    (self.path / 'config.json').write_bytes(
      text.encode(errors='surrogateescape')
    )
    with self.assertRaisesRegex(errors.UserError, 'config.json is damaged'):
      self.resolve()

  def test_a_file_in_place_of_the_directory_is_refused(self):
    self.path.write_text('')
    for workdir in ('mine', 'mine/deeper/still'):
      with self.assertRaisesRegex(errors.UserError, ': mine is a file'):
        self.resolve(workdir=workdir)

  def test_a_directory_of_other_things_is_refused(self):
    self.path.mkdir()
    self.resolve()
    (self.path / 'thesis.tex').write_text('')
    with self.assertRaisesRegex(errors.UserError, 'holds thesis.tex and no'):
      self.resolve()

  def test_what_an_early_death_leaves_is_no_other_thing(self):
    self.path.mkdir()
    for name in ('lock', 'crash.txt', '.config.json.0123abcd.tmp'):
      (self.path / name).write_text('')
    self.resolve()


class SaveTest(RunDirectoryTestCase):
  def test_what_the_run_is_and_the_environment_are_saved(self):
    run = self.begin(learning_rate=0.1, beam=3)
    record = run.read()
    self.assertEqual(record['experiment'], 'copy')
    # What only the command says is not of the run, and is not taken over.
    others = set(experiment.declared(Config)) - set(record['config'])
    self.assertEqual(
      others,
      set(
        'beam mode prompt workdir checkpoint jax_debug_nans num_devices '
        'coordinator num_processes process_id'.split()
      ),
    )
    self.assertEqual(self.resolve().beam, 1)
    self.assertEqual(record['config']['learning_rate'], 0.1)
    self.assertEqual(record['environment'], environment.environment())

  def test_what_was_extended_is_saved_and_nothing_else(self):
    run = self.begin(steps=30)
    self.edit(lambda record: record['config'].pop('dropout_rate'))
    with contextlib.redirect_stdout(io.StringIO()) as out:
      run.save(self.resolve(steps=60), 'copy')
    self.assertEqual(run.read()['config']['steps'], 60)
    self.assertNotIn('dropout_rate', run.read()['config'])
    self.assertEqual(out.getvalue(), '')

  def test_a_changed_environment_is_said_and_the_old_one_kept(self):
    run = self.begin()
    self.edit(lambda record: record['environment'].update(jax='0.1.2'))
    with contextlib.redirect_stdout(io.StringIO()) as out:
      run.save(self.resolve(), 'copy')
    self.assertStartsWith(
      out.getvalue(), 'note: since this run began, jax from 0.1.2 to '
    )
    self.assertEqual(run.read()['environment']['jax'], '0.1.2')

  def test_other_data_is_refused(self):
    run = self.begin()
    run.record_data('ab' * 32)
    run.record_data('ab' * 32)
    self.assertEqual(run.read()['data_sha256'], 'ab' * 32)
    with self.assertRaisesRegex(
      errors.UserError,
      'on other data .sha256 abababababab. than this .sha256 c',
    ):
      run.record_data('cd' * 32)
    self.assertEqual(run.read()['data_sha256'], 'ab' * 32)


class FingerprintTest(RunDirectoryTestCase):
  def test_extension_leaves_it_and_identity_and_data_move_it(self):
    run = self.begin()
    first = run.fingerprint(self.resolve())
    run.save(self.resolve(steps=60, eval_every=3), 'copy')
    self.assertEqual(run.fingerprint(self.resolve()), first)
    run.record_data('ab' * 32)
    second = run.fingerprint(self.resolve())
    self.assertNotEqual(second, first)
    self.edit(lambda record: record['config'].update(hidden_size=5))
    self.assertNotEqual(run.fingerprint(self.resolve()), second)

  def test_a_later_version_with_a_new_field_leaves_it(self):
    @dataclasses.dataclass(frozen=True)
    class Later(Config):
      hidden_size: int = 7
      width: int = experiment.field(3, 'added later')

    run = self.begin()
    config, _ = experiment.resolve(Later, {'workdir': 'mine'}, 'copy')
    run_before = run.fingerprint(self.resolve())
    run.save(config, 'copy')
    self.assertEqual(run.fingerprint(config), run_before)


class ResultTest(RunDirectoryTestCase):
  def test_there_is_none_before_the_end(self):
    self.assertIsNone(experiment.RunDirectory('none').read_result())

  def test_numbers_of_every_kind_come_back(self):
    run = self.begin()
    run.write_result(
      7,
      {'b': np.float32(0.5), 'a': 3, 'n': math.nan, 'i': -math.inf},
      {'beam_size': 3},
    )
    result = run.read_result()
    self.assertEqual(result['status'], 'done')
    self.assertEqual(result['step'], 7)
    self.assertEqual(result['measured_with'], {'beam_size': 3})
    metrics = result['metrics']
    self.assertEqual(list(metrics), ['a', 'b', 'i', 'n'])
    self.assertEqual((metrics['a'], metrics['b']), (3, 0.5))
    self.assertEqual(metrics['i'], -math.inf)
    self.assertTrue(math.isnan(metrics['n']))

  def test_a_result_of_an_older_version_is_read(self):
    run = self.begin()
    (self.path / 'result.json').write_text(
      '{"status": "done", "step": 7, "metrics": {}}'
    )
    self.assertIsNone(run.read_result()['measured_with'])

  def test_the_file_is_strict_json(self):
    run = self.begin()
    run.write_result(7, {'n': math.nan}, {})

    def refuse(constant):
      raise AssertionError(constant)

    text = (self.path / 'result.json').read_text()
    self.assertEqual(
      json.loads(text, parse_constant=refuse)['metrics'], {'n': 'nan'}
    )

  @parameterized.parameters('0.5', None, ([1.0],))
  def test_what_is_no_number_is_refused(self, value):
    run = self.begin()
    with self.assertRaisesRegex(TypeError, 'metric x='):
      run.write_result(7, {'x': value}, {})
    self.assertIsNone(run.read_result())

  def test_it_can_be_taken_back(self):
    run = self.begin()
    run.write_result(7, {}, {})
    run.remove_result()
    run.remove_result()
    self.assertIsNone(run.read_result())


if __name__ == '__main__':
  absltest.main()
