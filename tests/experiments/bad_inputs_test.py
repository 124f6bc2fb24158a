"""What a person may get wrong, over all experiments: one sentence, no harm.

Each case is a command that goes the way of the program, in this process. It
ends with exit code 1 and one line on stderr, and no file is another than
before.
"""

import gzip
import hashlib
import importlib
import json
import pathlib
import shutil
from unittest import mock

import experiment_case
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from matplotlib import image
from scipy.io import wavfile

from seqjax import experiment, training
from seqjax.training import checkpoints

TABLE = 'time,a,b,text,label\n' + ''.join(
  f'2024-01-{day + 1:02},{day % 7},{day % 3},word {day},{day % 2}\n'
  for day in range(28)
)
# Of each experiment: the flag that names its data, how such a file is called,
# and what goes with it.
DATA = {
  'anomaly': ('train_file', '.csv', ('--target_columns=a',)),
  'anomaly_windows': (
    'train_file',
    '.csv',
    ('--target_columns=a', '--label_column=label', '--time_column=time'),
  ),
  'answering': ('train_file', '.txt', ()),
  'captioning': ('train_file', '.csv', ('--pictures=pictures',)),
  'char_lm': ('text_file', '.txt', ()),
  'dna': ('train_file', '.csv', ('--sequence_column=text',)),
  'forecasting': (
    'train_file',
    '.csv',
    ('--target_columns=a', '--time_column=time'),
  ),
  'music': ('mat_file', '.mat', ()),
  'pixels': ('images_dir', '', ()),
  'pronunciation': ('train_file', '.dict', ()),
  'sentiment': ('train_file', '.tsv', ()),
  'speech': ('wav_path', '.tar.gz', ()),
  'tagging': ('train_file', '.conllu', ()),
  'translation': ('train_file', '.tsv', ()),
}
# Arguments, and what the sentence says.
FLAGS = {
  'unknown': ('--qqqqq=1', '--qqqqq: unknown flag'),
  'misspelt': ('--stepz=3', 'Did you mean --steps?'),
  'hyphen': ('--batch-size=3', 'Did you mean --batch_size?'),
  'twice': ('--steps=3 --steps=4', 'Give each flag once'),
  'no_flag': ('steps=3', 'belongs to no flag'),
  'no_value': ('--steps', '--steps'),
  'word': ('--steps=many', 'expected an integer'),
  'fraction': ('--batch_size=1.5', 'expected an integer'),
  'zero': ('--batch_size=0', 'of at least 1'),
  'below': ('--eval_every=-1', 'of at least 1'),
  'above': ('--seed=4294967296', 'at most 4294967295'),
  'huge': (f'--steps={"9" * 5000}', '--steps'),
  'nan': ('--learning_rate=nan', 'expected a finite number'),
  'infinite': ('--clip_norm=inf', 'expected a finite number'),
  'tiny': ('--learning_rate=1e-300', 'expected a finite number'),
  'probability': ('--dropout_rate=1', 'below 1'),
  'negative': ('--weight_noise=-1', 'of at least 0'),
  'boolean': ('--residual=maybe', 'true or false'),
  'sizes': ('--hidden_sizes=3,,4', 'integers'),
  'no_size': ('--hidden_sizes=3,0', 'of at least 1'),
  'cell': ('--cell=ltsm', "Did you mean 'lstm'?"),
  'optimizer': ('--optimizer=adma', "Did you mean 'adam'?"),
  'schedule': ('--schedule=cosin', "Did you mean 'cosine'?"),
  'carry': ('--initial_carry=random', 'expected one of'),
  'mode': ('--mode=trian', "Did you mean 'train'?"),
  'nul': ('--cell_options=a\0b', 'expected text'),
  'surrogate': ('--cell_options=\udc80', 'expected text'),
  'flagfile': ('--flagfile=nothing', '--flagfile'),
  'option': (
    '--cell=lstm --cell_options=peephol=true',
    "Did you mean 'peephole'?",
  ),
  'option_form': (
    '--cell=lstm --cell_options=peephole',
    'expected option=value',
  ),
  'option_value': (
    '--cell=lstm --cell_options=peephole=si',
    'expected true or false',
  ),
  'option_nan': (
    '--cell=lstm --cell_options=forget_bias=nan',
    'a finite number',
  ),
  'option_twice': (
    '--cell_options=heads=1,heads=2',
    'heads is given twice',
  ),
  'contradiction': (
    '--cell=lstm --forget_bias=2 --cell_options=forget_bias=3',
    'say the same',
  ),
  'no_such_gate': ('--cell=elman --forget_bias=2', 'has none'),
  'workdir_file': ('--workdir=mine.txt', 'is a file'),
  'workdir_in_file': ('--workdir=mine.txt/run', 'is a file'),
  'workdir_strangers': ('--workdir=strangers', 'is no run directory'),
  'workdir_long': (f'--workdir={"x" * 300}', 'name is too long'),
  'init_nowhere': ('--init_from=nowhere', 'there is no run'),
  'init_file': ('--init_from=mine.txt', 'there is no run'),
  'init_strangers': ('--init_from=strangers', 'there is no run'),
  'no_run': ('--mode=evaluate --workdir=nowhere', 'there is no run'),
  'no_run_in': ('--mode=evaluate --workdir=strangers', 'no run directory'),
}
# Of one experiment.
SETTINGS = {
  'anomaly': {
    'share': ('--train_fraction=1.5', '--train_fraction'),
    'rows': ('--mode=stream', 'there is no run'),
  },
  'anomaly_windows': {
    'columns': ('--label_column=a', 'goes with --train_file')
  },
  'answering': {'alone': ('--test_file=x.txt', 'go with --train_file')},
  'captioning': {'alone': ('--train_file=table.csv', '--pictures')},
  'char_lm': {
    'cold': ('--temperature=-1', 'of at least 0'),
    'top_p': ('--top_p=0', 'above 0'),
    'long': ('--length=1000001', 'at most 1000000'),
    'share': ('--valid_fraction=1', '--valid_fraction'),
    'dataset': ('--dataset=python_referenc', 'Did you mean'),
  },
  'dna': {
    'one_fold': ('--num_folds=1', 'at least two folds'),
    'no_such_fold': ('--num_folds=3 --fold=3', 'counted from 0'),
    'folds': (
      '--num_folds=3 --init_from=strangers',
      '--init_from goes without --num_folds',
    ),
    'alone': ('--test_file=x.csv', '--train_file'),
  },
  'forecasting': {
    'paths': ('--decoder=autoregressive', 'is none: use student_t'),
    'bands': ('--bands=50,50', 'names one twice'),
    'counts': ('--head=negative_binomial', 'use --scaling=mean'),
    'rows': ('--rows_file=table.csv', 'go with --mode=predict'),
    'horizon': ('--horizon=0', 'of at least 1'),
    'columns': (
      '--train_file=table.csv --time_column=time --target_columns=c',
      "'c'",
    ),
    'few_rows': (
      '--train_file=table.csv --time_column=time --target_columns=a',
      'too few',
    ),
    'no_table': ('--known_columns=b', 'goes with --train_file'),
    'ahead': (
      '--train_file=table.csv --time_column=time --target_columns=a '
      '--init_from=strangers',
      'there is no',
    ),
  },
  'music': {'steps': ('--max_steps=0', 'of at least')},
  'pixels': {'pixels': ('--pixels_per_step=0', 'of at least 1')},
  'pronunciation': {'alone': ('--valid_file=x.dict', 'go with --train_file')},
  'sentiment': {
    'alone': ('--valid_file=x.tsv', 'go with --train_file'),
    'pooling': ('--pooling=avg', 'expected one of'),
    'unit': ('--unit=word', "Did you mean 'words'?"),
    'keep': ('--keep=middel', 'expected one of'),
  },
  'speech': {'rate': ('--sample_rate=1', '--sample_rate')},
  'tagging': {'alone': ('--test_file=x.txt', 'go with --train_file')},
  'translation': {
    'alone': ('--test_file=x.tsv', '--train_file'),
    'attention': ('--attention=dott', "Did you mean 'dot'?"),
  },
}
# What stands in a file that names no data of any experiment.
CONTENTS = {
  'empty': b'',
  'blank': b'\n\n  \n',
  'binary': bytes(range(256)) * 40,
  'latin': 'caf\xe9 na\xefve\n'.encode('latin-1') * 20,
  'utf16': 'some text\n'.encode('utf-16') * 20,
  'short': b'x\n',
}
# What a run's files may hold, beside what it wrote.
DAMAGES = {
  'config.json': (
    b'',
    b'{',
    b'[]',
    b'null',
    b'\xff\xfe',
    b'[' * 100_000,
    {'experiment': None},
    {'experiment': 'another'},
    {'config': []},
    {'config': {'nothing': 1}},
    {'config': {'batch_size': 0}},
    {'config': {'batch_size': '32'}},
    {'config': {'learning_rate': float('nan')}},
    {'config': {'cell': 'ltsm'}},
    {'config': {'hidden_sizes': ['a']}},
    {'environment': 3},
    {'data_sha256': 7},
    {'initial_sha256': 'ab' * 32},
  ),
  'metrics.jsonl': (
    b'\xff\xfe\n',
    b'{\n{"step": 4}\n',
    b'[]\n',
    b'{"step": "x"}\n',
    b'{}\n',
    b'[' * 100_000 + b'\n',
  ),
  'result.json': (
    b'{',
    b'[]',
    b'\xff',
    {'status': 'done', 'step': 'x', 'metrics': {}},
    {'status': 'done', 'step': 3, 'metrics': []},
    {'status': 'done', 'step': 3, 'metrics': {'a': 'many'}},
    {'status': 'done', 'step': 3, 'metrics': {'a': None}},
  ),
}


# How an experiment answers, and where it keeps the symbols that it reads first.
READS = {
  'anomaly': ('--mode=predict --rows_file=table.csv', None),
  'anomaly_windows': ('--mode=predict', None),
  'answering': ('--mode=answer --text_file=story.txt', 'vocabulary.json'),
  'captioning': ('--mode=caption --image=pictures/0.png', 'vocabulary.json'),
  'char_lm': ('--mode=sample', 'vocabulary.json'),
  'dna': ('--mode=predict --text=ACGT', 'labels.json'),
  'forecasting': ('--mode=evaluate', None),
  'music': ('--mode=sample', None),
  'pixels': ('--mode=predict', None),
  'pronunciation': ('--mode=predict --text=abc', 'letters.json'),
  'sentiment': ('--mode=predict --text=abc', 'vocabulary.json'),
  'speech': ('--mode=predict --wav_files=said.wav', 'vocabulary.json'),
  'tagging': ('--mode=predict --text=abc', 'vocabulary.json'),
  'translation': ('--mode=translate --text=abc', 'source/vocabulary.json'),
}
SYMBOLS = b'', b'{}', b'[]', b'["a"]', b'["\\ufffd", 1]', b'[' * 100_000


def tree(root):
  """{path: hash} of all files beneath a folder."""
  return {
    str(path): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(pathlib.Path(root).rglob('*'))
    if path.is_file() and 'programs' not in path.parts
  }


def flag_cases():
  for name in DATA:
    for case, (arguments, words) in FLAGS.items():
      yield f'{name}_{case}', name, arguments, words


def settings_cases():
  for name, cases in SETTINGS.items():
    for case, (arguments, words) in cases.items():
      yield f'{name}_{case}', name, arguments, words


def file_cases():
  for name, (flag, ending, _) in DATA.items():
    files = {x: f'{x}{ending}' for x in CONTENTS}
    if ending:
      files |= {
        'missing': f'nothing{ending}',
        'folder': 'folder',
        'other_ending': 'short.odd',
      }
      gz = '' if ending.endswith('.gz') else '.gz'
      files |= {
        'cut_gz': f'cut{ending}{gz}',
        'no_gz': f'plain{ending}{gz}',
        'no_xz': f'plain{ending.removesuffix(".gz")}.xz',
      }
    else:
      files |= {'missing': 'nothing', 'folder': 'folder', 'stray': 'strangers'}
    for case, file in files.items():
      yield f'{name}_{case}', name, flag, file


def vocabulary_cases():
  for name, (_, file) in READS.items():
    for number, content in enumerate(SYMBOLS if file else ()):
      yield f'{name}_{number}', name, content


def damage_cases():
  for name in DATA:
    for file, contents in DAMAGES.items():
      for number, content in enumerate(contents):
        stem = file.partition('.')[0]
        yield f'{name}_{stem}_{number}', name, file, content


def need_extra(name):
  """Skips where an experiment, to be read, asks for an extra first."""
  if name == 'music':
    pytest.importorskip('mido')


class BadInputsTest(experiment_case.ExperimentTestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('mine.txt').write_text('a text of the user\n')
    for folder in ('folder', 'strangers'):
      pathlib.Path(folder).mkdir()
    pathlib.Path('strangers', 'thesis.tex').write_text('years of work')
    packed = gzip.compress(TABLE.encode() * 50)
    for ending in {ending for _, ending, _ in DATA.values()}:
      for name, content in CONTENTS.items():
        pathlib.Path(f'{name}{ending}').write_bytes(content)
      gz = '' if ending.endswith('.gz') else '.gz'
      pathlib.Path(f'cut{ending}{gz}').write_bytes(packed[: len(packed) // 2])
      pathlib.Path(f'plain{ending}{gz}').write_bytes(TABLE.encode())
      bare = ending.removesuffix('.gz')
      pathlib.Path(f'plain{bare}.xz').write_bytes(TABLE.encode())
    pathlib.Path('short.odd').write_bytes(b'x\n')
    pathlib.Path('table.csv').write_text(TABLE)
    pathlib.Path('story.txt').write_text('1 Ann is here.\n2 Where is Ann?\n')
    wavfile.write('said.wav', 8000, np.zeros(8000, np.int16))
    pathlib.Path('pictures').mkdir()
    image.imsave('pictures/0.png', np.zeros((4, 4, 3), np.uint8))

  def setUp(self):
    super().setUp()
    # A command that is not refused shall not train for minutes.
    self.enterContext(
      mock.patch.object(training, 'fit', side_effect=AssertionError('trains'))
    )

  def refused(self, name, arguments, words):
    type(self).module = importlib.import_module(f'experiments.{name}')
    before = tree('.')
    code, _, err = self.main(*arguments)
    self.assertEqual(code, 1, err)
    self.assertStartsWith(err, 'error: ')
    self.assertEqual(err.count('\n'), 1, err)
    self.assertNotIn('Traceback', err)
    self.assertLess(len(err), 900, err)
    for word in words:
      self.assertIn(word.lower(), err.lower())
    self.assertEqual(tree('.'), before)

  @parameterized.named_parameters(flag_cases())
  def test_a_flag(self, name, arguments, words):
    self.refused(name, arguments.split(' '), [words])

  @parameterized.named_parameters(file_cases())
  def test_a_file(self, name, flag, file):
    more = DATA[name][2]
    self.refused(name, [f'--{flag}={file}', *more], [file])

  @parameterized.named_parameters(damage_cases())
  def test_a_damaged_run(self, name, file, content):
    run = self.begun(name)
    path = pathlib.Path(run, file)
    if isinstance(content, bytes):
      path.write_bytes(content)
    else:
      record = json.loads(path.read_text()) if path.exists() else {}
      for key, value in content.items():
        inner = isinstance(value, dict) and value
        record[key] = record.get(key, {}) | value if inner else value
      path.write_text(json.dumps(record))
    self.refused(name, [f'--workdir={run}'], [run])

  @parameterized.named_parameters(settings_cases())
  def test_a_setting(self, name, arguments, words):
    self.refused(name, arguments.split(' '), [words])

  @parameterized.named_parameters((name, name) for name in DATA)
  def test_a_run_without_its_files_is_not_read(self, name):
    need_extra(name)
    run = self.begun(name)
    arguments = READS[name][0].split(' ')
    self.refused(name, [*arguments, f'--workdir={run}'], [run])

  @parameterized.named_parameters(vocabulary_cases())
  def test_a_damaged_vocabulary(self, name, content):
    run = self.begun(name)
    arguments, file = READS[name]
    path = pathlib.Path(run, file)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    self.refused(name, [*arguments.split(' '), f'--workdir={run}'], [run])

  @parameterized.parameters(
    ('char_lm', 'settings'),
    ('char_lm', 'shapes'),
    ('char_lm', 'cut'),
    ('char_lm', 'none'),
    ('music', 'settings'),
  )
  def test_a_checkpoint_of_something_else(self, name, damage):
    need_extra(name)
    run = self.begun(name)
    module = importlib.import_module(f'experiments.{name}')
    config, directory = experiment.resolve(
      module.Config, {'workdir': run}, name
    )
    pathlib.Path(run, 'vocabulary.json').write_text('["\\ufffd", "a"]')
    prints = directory.fingerprint(config)
    saved = checkpoints.Checkpoints(
      pathlib.Path(run, 'checkpoints'),
      fingerprint='another' if damage == 'settings' else prints,
    )
    saved.save(3, {'params': {'w': np.ones(3, np.float32)}})
    saved.close()
    if damage == 'cut':
      for path in pathlib.Path(run, 'checkpoints', '3').rglob('*'):
        if path.is_file():
          path.write_bytes(path.read_bytes()[:-3])
    elif damage == 'none':
      shutil.rmtree(pathlib.Path(run, 'checkpoints', '3'))
    self.refused(name, ['--mode=sample', f'--workdir={run}'], [run])

  def begun(self, name):
    """The directory of a run that has made three updates."""
    run = f'begun_{name}'
    shutil.rmtree(run, ignore_errors=True)
    module = importlib.import_module(f'experiments.{name}')
    config, directory = experiment.resolve(
      module.Config, {'workdir': run}, name
    )
    with directory.lock():
      directory.prepare(config, name)
      directory.record_data('ab' * 32)
    pathlib.Path(run, 'metrics.jsonl').write_text('{"step": 3}\n')
    return run


if __name__ == '__main__':
  absltest.main()
