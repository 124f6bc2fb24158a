"""The command line of the exchange: files, runs, and mistakes in a sentence."""

import contextlib
import importlib
import io
import json
import pathlib
import tempfile

import jax
import numpy as np
import pytest
import safetensors.numpy
from absl.testing import absltest, parameterized
from networks import network

from seqjax import array_files, data, exchange
from seqjax.training import checkpoints, initial

# By its name, because `python -m` is its only other way in.
main = importlib.import_module('seqjax.exchange.__main__').main


def run(*arguments):
  """Exit code, stdout and stderr of the command."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    with pytest.raises(SystemExit) as end:
      main([str(a) for a in arguments])
  return end.value.code, out.getvalue(), err.getvalue()


class MainTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = pathlib.Path(folder.name)
    self.network = network('lstm', {'projection': 2})
    self.arrays = exchange.dump('torch', self.network)
    self.file = self.path / 'weights.safetensors'
    array_files.write(self.file, self.arrays)

  def make_run(self, cell='lstm', options='projection=2', **config):
    """A directory of a run with a checkpoint of the network."""
    arrays, _ = array_files.read(self.to_run())
    path = self.path / 'trained'
    state = {'params': {n.removeprefix('/'): x for n, x in arrays.items()}}
    saved = checkpoints.Checkpoints(path / 'checkpoints', fingerprint='x')
    saved.save(7, state)
    saved.close()
    record = {
      'experiment': 'char_lm',
      'config': {'cell': cell, 'cell_options': options, **config},
      'environment': {},
    }
    (path / 'config.json').write_text(json.dumps(record))
    (path / 'metrics.jsonl').write_text('{"step": 7, "train/x": 1.0}\n')
    (path / initial.NAME).unlink(missing_ok=True)
    return path

  def to_run(self):
    code, _, err = run('--from=torch', self.file, f'--to={self.path}/mine')
    self.assertEqual((code, err), (0, ''))
    return self.path / 'mine' / initial.NAME

  def test_from_a_file_to_a_file(self):
    goal = self.path / 'out.npz'
    code, out, err = run('--from=torch', self.file, '--to=torch', goal)
    self.assertEqual((code, err), (0, ''))
    arrays, _ = array_files.read(goal)
    self.assertEqual(arrays.keys(), self.arrays.keys())
    np.testing.assert_array_equal(
      arrays['lstm.weight_hr_l1'], self.arrays['lstm.weight_hr_l1']
    )
    self.assertRegex(out, r'lstm.weight_hr_l1 +\[2, 4\] +recurrent/layer_1/w_p')
    self.assertIn(f'Written to {goal}.', out)

  def test_a_network_for_a_run_says_whose_it_is(self):
    path = self.to_run()
    _, metadata = array_files.read(path)
    self.assertEqual(metadata['cell'], 'lstm')
    self.assertEqual(json.loads(metadata['cell_options']), {'projection': 2})
    given = initial.read(path.parent)
    back = given.arrays['params/recurrent/layer_1/w_p']
    np.testing.assert_array_equal(back, self.network.recurrent['layer_1'].w_p)

  def test_the_last_line_is_a_command(self):
    _, out, _ = run('--from=torch', self.file, f'--to={self.path}/new')
    self.assertIn(
      f'--workdir={self.path}/new --cell=lstm --cell_options=projection=2 '
      '--hidden_sizes=4,4 --embedding_size=3',
      out,
    )

  def test_from_a_run_to_a_file(self):
    goal = self.path / 'out.safetensors'
    code, out, err = run(f'--from={self.make_run()}', '--to=torch', goal)
    self.assertEqual((code, err), (0, ''))
    self.assertIn('at step 7', out)
    jax.tree.map(
      np.testing.assert_array_equal,
      safetensors.numpy.load_file(goal),
      dict(self.arrays),
    )

  def test_a_run_of_a_cell_that_they_do_not_have(self):
    path = self.make_run()
    goal = self.path / 'out.npz'
    code, _, err = run(f'--from={path}', '--to=keras', goal)
    self.assertEqual(code, 1)
    self.assertIn('has a projection, and keras has none', err)
    self.assertFalse(goal.exists())
    path = self.make_run('slstm', '')
    code, _, err = run(f'--from={path}', '--to=keras', goal)
    self.assertEqual(code, 1)
    self.assertIn('slstm has no counterpart', err)

  @parameterized.parameters(
    ({'residual': True}, 'trained with --residual'),
    ({'zoneout_h_rate': 0.1}, 'trained with --zoneout_h_rate'),
  )
  def test_what_a_run_computes_beside_its_parameters(self, config, words):
    """Neither has a parameter that would be missed."""
    path = self.make_run(**config)
    code, _, err = run(f'--from={path}', '--to=torch', self.path / 'o.npz')
    self.assertEqual(code, 1)
    self.assertIn(words, err)

  def test_weights_that_no_run_began_with_are_not_those_of_a_run(self):
    path = self.to_run().parent
    code, _, err = run(f'--from={path}', '--to=torch', self.path / 'o.npz')
    self.assertEqual(code, 1)
    self.assertIn('holds no run yet, but weights to begin with', err)

  def test_a_run_that_lost_its_metrics_keeps_its_weights(self):
    path = self.make_run()
    (path / 'metrics.jsonl').unlink()
    code, _, err = run('--from=torch', self.file, f'--to={path}')
    self.assertEqual(code, 1)
    self.assertIn('has made 7 updates', err)

  def test_the_symbols_of_a_run_go_with_its_weights(self):
    path, goal = self.make_run(), self.path / 'copy'
    data.Vocabulary(('\ufffd', *'abcdef')).save(path / 'vocabulary.json')
    self.assertEqual(run(f'--from={path}', f'--to={goal}')[0], 0)
    self.assertEqual(initial.read(goal).symbols, ('\ufffd', *'abcdef'))

  def test_where_no_flags_describe_the_network(self):
    array_files.write(
      self.file, exchange.dump('torch', network('gru', bidirectional=True))
    )
    code, out, _ = run('--from=torch', self.file, f'--to={self.path}/mine')
    self.assertEqual(code, 0)
    self.assertIn('No flags describe this network yet', out)
    self.assertNotIn('./launch.sh', out)

  def test_a_run_with_updates_keeps_its_weights(self):
    path = self.make_run()
    code, _, err = run('--from=torch', self.file, f'--to={path}')
    self.assertEqual(code, 1)
    self.assertIn('has made 7 updates', err)
    self.assertFalse((path / initial.NAME).exists())

  @parameterized.parameters(
    (('--from=torch', 'F', '--to=keras'), 'needs 2 files, got 1'),
    (('--from=torhc', 'F', '--to=keras', 'O'), "Did you mean 'torch'"),
    (('--from=torch', 'F', '--to=keras', 'F'), 'written over itself'),
    (('--from=torch', 'F', '--to=torch', 'O.h5'), 'Unknown ending'),
    (('--from=torch', 'F', '--to=.'), 'is no run directory'),
    (('--from=.', '--to=torch', 'O.npz'), 'holds no run'),
    (('--from=torch', 'F', '--to=torch', 'O.npz', '--bias=2'), 'unrecognized'),
    (('--from=torch', 'F', '--to=keras', 'O.npz'), 'has a projection'),
    (('--from=runs/x', '--to=torch', 'O.npz', '--cell=gru'), 'is for a file'),
    (('--from=torch', 'F', '--to=./new', '--module=lstm'), 'is for a framewo'),
    (('--from=torch', 'F', '--to=torch', 'initial.safetensors'), 'begins wit'),
    (('--from=torch', '~nobody/x', '--to=torch', 'O.npz'), 'cannot read'),
  )
  def test_mistakes_are_sentences(self, arguments, words):
    names = {'F': str(self.file), 'O': 'out.npz'}
    with contextlib.chdir(self.path):
      code, out, err = run(*(names.get(a, a) for a in arguments))
    self.assertEqual((code, out), (1, ''))
    self.assertRegex(err, words)
    self.assertNotIn('Traceback', err)
    self.assertEqual(err.count('\n'), 1)

  def test_what_an_onnx_file_says_is_not_overruled(self):
    pytest.importorskip('onnx')
    from seqjax.exchange import onnx_file

    path, goal = self.path / 'gru.onnx', self.path / 'out.npz'
    onnx_file.write(path, network('gru_reset_before', {'double_bias': True}))
    asked = '--from=onnx', path, '--to=keras', goal
    code, _, err = run(*asked, '--cell=gru')
    self.assertEqual(code, 1)
    self.assertIn('computes gru_reset_before, and --cell says gru', err)
    self.assertEqual(run(*asked)[0], 0)
    self.assertEqual(array_files.read(goal).arrays['gru/gru_cell/bias'].ndim, 1)

  def test_a_pickle_is_not_opened(self):
    path = self.path / 'weights.pt'
    path.write_bytes(b'\x80\x04cos\nsystem\n(S"exit"\ntR.')
    code, _, err = run('--from=torch', path, '--to=keras', self.path / 'o.npz')
    self.assertEqual(code, 1)
    self.assertIn('safetensors.torch.save_file', err)


if __name__ == '__main__':
  absltest.main()
