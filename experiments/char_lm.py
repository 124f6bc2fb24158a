"""A character language model by truncated backpropagation through time.

One text is read as many parallel streams; the hidden state is carried from
window to window, and gradients are cut at the window's edge.

Source: the setting of Mikolov et al. (2010) and of char-rnn.
Command: ./launch.sh char_lm
Data: the Python language reference that every CPython carries (here 3.11).
Expected: 1.81 bits per held-out character; a 4-gram has 1.94.
Hardware: two CPU cores, 80 seconds.
"""

import dataclasses
import sys

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import (
  baselines,
  data,
  decoding,
  errors,
  experiment,
  files,
  models,
  training,
)
from seqjax.data import registered
from seqjax.experiment import sampling
from seqjax.report import figures

field = experiment.field

# The longest n-gram among the baselines.
MAX_ORDER = 4
# Characters of a sample that are shown while training.
SHOWN = 200

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(sampling.Config):
  steps: int = 1500
  batch_size: int = 32
  hidden_size: int = 256
  learning_rate: float = 4e-3
  dataset: str = field(
    'python_reference',
    'text to learn from, where no --text_file is given',
    group='data',
    choices=('python_reference', 'tiny_shakespeare'),
  )
  data_dir: str = field(
    '',
    'folder of data sets; else $TFDS_DATA_DIR, else ~/tensorflow_datasets',
    group='data',
    kind='extendable',
    is_path=True,
  )
  text_file: str = field(
    '',
    'UTF-8 text to learn from; .gz and .xz are opened',
    group='data',
    is_path=True,
  )
  valid_fraction: float = field(
    0.1,
    'share of the text, at its end, that is held out; 0.05 to 0.2',
    group='data',
    above=0,
    below=1,
  )
  min_count: int = field(
    1,
    'characters rarer than this in the training part are read as unknown',
    group='data',
    minimum=1,
  )
  embedding_size: int = field(
    64,
    'width of the character embedding; 16 to 256',
    minimum=1,
    maximum=2**16,
  )
  update_every: int = field(
    64,
    'steps between two updates, k1; 20 to 200',
    group='training',
    minimum=1,
    maximum=10**6,
  )
  bptt_steps: int = field(
    0,
    'how many steps a gradient reaches back, k2; a multiple or a divisor of '
    '--update_every, which 0 means',
    group='training',
    minimum=0,
    maximum=10**6,
  )


# --- Data ---------------------------------------------------------------------


def read_text(config: Config) -> data.Text:
  if config.text_file:
    return data.text_file(config.text_file)
  if config.dataset == 'python_reference':
    return data.python_reference()
  return registered.text(config.dataset, config.data_dir)


# --- Model --------------------------------------------------------------------


def make_model(config: Config, vocab_size: int) -> models.LanguageModel:
  return models.LanguageModel(
    vocab_size=vocab_size,
    embedding_size=config.embedding_size,
    recurrent=experiment.recurrent(config),
  )


def make_task(config: Config, model: models.LanguageModel) -> models.Task:
  """What is trained: the model's task with gradients cut in time."""
  task = models.language_model.task(model, unit='char')
  k1, k2 = config.update_every, config.bptt_steps or None
  return task._replace(loss=training.truncate(task.loss, k1, k2))


def make_writer(config: Config, model: models.LanguageModel, vocabulary):
  """params -> text: continues the prompt."""
  task = models.language_model.task(model)
  step = models.language_model.step(model)
  prompt = jnp.asarray(vocabulary.encode(config.prompt or '\n'))[:, None]

  def write(params) -> str:
    tokens = decoding.sample(
      step,
      params,
      task.carry(params, 1),
      prompt,
      jax.random.key(config.sample_seed),
      length=config.length,
      temperature=config.temperature,
      banned=(0,),  # the unknown character
      top_k=config.top_k,
      top_p=config.top_p,
    )
    return config.prompt + vocabulary.decode(np.asarray(tokens[:, 0]))

  return write


def make_evaluate(config: Config, model: models.LanguageModel, valid_ids):
  """params -> metrics of the held-out part, read in up to `batch_size` rows."""
  window = min(config.update_every, len(valid_ids) - 1)
  rows = min(config.batch_size, (len(valid_ids) - 1) // window)
  held_out = data.Streams(valid_ids, rows, window)
  task = models.language_model.task(model, unit='char')
  eval_step = training.make_eval_step(task)

  def evaluate(params) -> dict[str, float]:
    metrics = training.evaluate(
      task, eval_step, params, held_out, held_out.batches_per_epoch
    )
    return {f'valid/{name}': value for name, value in metrics.items()}

  return evaluate


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  text = read_text(config)
  train_text, valid_text = data.split(text.text, config.valid_fraction)
  if len(train_text) < MAX_ORDER or len(valid_text) < 2:
    raise errors.UserError(
      f'{text.name} leaves {len(train_text)} characters to learn from and '
      f'{len(valid_text)} held out; {MAX_ORDER} and 2 are the least.'
    )
  vocabulary = data.character_vocabulary(train_text, config.min_count)
  train_ids = vocabulary.encode(train_text)
  valid_ids = vocabulary.encode(valid_text)
  print(
    f'{text.name}: {len(train_text):,} characters to learn from, '
    f'{len(valid_text):,} held out, {len(vocabulary)} symbols, '
    f'{vocabulary.unknown_share(valid_text):.2%} of the held out unknown'
  )
  known = baselines.ngram_baselines(
    train_ids, valid_ids, len(vocabulary), MAX_ORDER
  )
  print(
    'Baselines, bits per held-out character: '
    + ', '.join(f'{name} {bits:.3f}' for name, bits in known.items())
  )

  k1, k2 = config.update_every, config.bptt_steps or None
  streams = data.Streams(train_ids, config.batch_size, k1, k2, config.data_seed)
  model = make_model(config, len(vocabulary))
  task = make_task(config, model)
  experiment.check(config, run, task, streams, vocabulary.symbols)
  write = make_writer(config, model, vocabulary)

  run.record_data(text.sha256)
  vocabulary.save(run.path / 'vocabulary.json')
  (run.path / 'samples').mkdir(exist_ok=True)

  def demonstrate(step, params):
    text = write(params)
    files.atomic_write(run.path / 'samples' / f'{step:07}.txt', text + '\n')
    return training.quote(text if step == config.steps else text[:SHOWN])

  plan = experiment.plan(
    config,
    run,
    task,
    streams,
    unit='chars',
    best='valid/bits_per_char',
    evaluate=make_evaluate(config, model, valid_ids),
    demonstrate=demonstrate,
  )
  params, metrics = training.fit(plan, run.path)

  figures.learning_curves(
    run.path,
    metric='bits_per_char',
    baselines=known,
    clip_norm=config.clip_norm,
  )
  bits = metrics['valid/bits_per_char']
  verdict = baselines.verdict(bits, known)
  print(f'{bits:.3f} bits per held-out character {verdict}.')
  print(f'Let it write: ./launch.sh char_lm --mode=sample --workdir={run.path}')
  return {k: x for k, x in metrics.items() if k.startswith('valid/')}


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """The model, its vocabulary and the parameters of the newest checkpoint."""
  vocabulary = data.CharacterVocabulary.load(run.path / 'vocabulary.json')
  model = make_model(config, len(vocabulary))
  nothing = np.zeros((1, config.batch_size), np.int32)
  batch = data.Batch(nothing, nothing, nothing > 0, nothing, nothing > 0)
  task = make_task(config, model)
  plan = experiment.plan(config, run, task, lambda index: batch)
  step, params = training.restore(plan, run.path)
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return model, vocabulary, params


def sample(config: Config, run: experiment.RunDirectory) -> None:
  model, vocabulary, params = restore(config, run)
  unknown = sorted(set(config.prompt) - set(vocabulary.symbols))
  if unknown:
    print(f'Not in the vocabulary, read as unknown: {" ".join(unknown)}')
  print(make_writer(config, model, vocabulary)(params))


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  model, vocabulary, params = restore(config, run)
  text = read_text(config)
  run.record_data(text.sha256)
  _, valid_text = data.split(text.text, config.valid_fraction)
  valid_ids = vocabulary.encode(valid_text)
  return make_evaluate(config, model, valid_ids)(params)


def sweep() -> dict[str, list[str]]:
  """Named sweeps: the flags of each."""
  seeds = '--grid=seed=0,1,2'
  return {
    'learning_rate': ['--grid=learning_rate=1e-3,2e-3,4e-3,8e-3', seeds],
    'cells': ['--grid=cell=elman,gru,lstm,min_lstm', seeds],
    'truncation': ['--grid=bptt_steps=4,16,64,128', seeds],
  }


MODES = {'train': train, 'evaluate': evaluate, 'sample': sample}

if __name__ == '__main__':
  experiment.main(__doc__, 'char_lm', Config, MODES)
