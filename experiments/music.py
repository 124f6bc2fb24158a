"""Polyphonic music, frame by frame: which notes sound next.

A piece is a piano roll of 88 notes. Each is said to sound in the next frame or
not, given all frames before it.

Source: the setting of Chung et al. (2014), arXiv:1412.3555. Scored as Bai et
al. (2018), arXiv:1803.01271, do: nats summed over the 88 notes, a mean over all
frames of a part but the first of each piece, which is not predicted.
Command: ./launch.sh music
Data: 400 pieces made on the spot, of chords, a bass and a melody.
Expected: 6.48 nats per test frame; each note given the frame before has 9.71.
Hardware: two CPU cores, 20 seconds.

JSB_Chorales.mat, nats per test frame (Bai et al.: 8.91, 8.43, 8.45; the note
bigram 10.49), chosen by validation, 4 to 9 minutes of two busy cores:
elman 8.78: --learning_rate=1e-3 --transpose=6 --dropout_rate=0.1 --steps=8000
gru 8.36: --learning_rate=5e-3 --hidden_size=300 --dropout_rate=0.5
--state_dropout_rate=0.3 --steps=2000
lstm 8.35: --learning_rate=5e-3 --transpose=6 --dropout_rate=0.3 --steps=6000
The first two with --max_compilations=4; elman and lstm with --hidden_size=200.
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
  models,
  training,
)
from seqjax.data.music import chords, midi, piano_rolls
from seqjax.experiment import batching
from seqjax.report import figures
from seqjax.report import piano_rolls as roll_figures

field = experiment.field

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(batching.PaddedConfig):
  steps: int = 600
  batch_size: int = 16
  hidden_size: int = 128
  cell: str = 'gru'
  learning_rate: float = 1e-2
  schedule: str = 'cosine'
  dataset: str = field(
    'chords',
    'pieces to learn from, where no --mat_file is given',
    group='data',
    choices=('chords',),
  )
  mat_file: str = field(
    '',
    'piano rolls as MATLAB 5 with traindata, validdata and testdata, such as '
    'JSB_Chorales.mat; .gz and .xz are opened',
    group='data',
    is_path=True,
  )
  transpose: int = field(
    0,
    'the most semitones that a piece is moved up or down by chance, each time '
    'it is learnt from; 0 to 6',
    group='data',
    minimum=0,
    maximum=piano_rolls.NUM_NOTES - 1,
  )
  max_steps: int = field(
    512,
    'frames that are learnt from at once; a longer piece is read in parts, but '
    'whole where nothing is learnt',
    group='data',
    minimum=1,
    maximum=10**6,
  )
  prompt_piece: int = field(
    0,
    'piece of the test part that a sample continues, from 0',
    group='sample',
    kind='runtime',
    minimum=0,
  )
  prompt_steps: int = field(
    16,
    'frames of it that are given',
    group='sample',
    kind='runtime',
    minimum=1,
  )
  length: int = field(
    64,
    'frames in a sample',
    group='sample',
    kind='runtime',
    minimum=1,
    maximum=10**6,
  )
  temperature: float = field(
    1.0,
    'of a sample; 1 draws as learnt, below 1 fewer notes sound; 0 takes those '
    'that are likelier than not',
    group='sample',
    kind='runtime',
    minimum=0,
  )
  steps_per_beat: int = field(
    2,
    'frames in a beat of a sample, of which a minute has 100; 1 to 4',
    group='sample',
    kind='runtime',
    minimum=1,
    maximum=100,
  )
  sample_seed: int = field(
    0,
    'another number, another sample',
    group='sample',
    kind='runtime',
    minimum=0,
    maximum=2**32 - 1,
  )


# --- Data ---------------------------------------------------------------------


def read_parts(config: Config) -> dict[str, piano_rolls.PianoRolls]:
  """The parts 'train', 'valid' and 'test'."""
  if config.mat_file:
    return piano_rolls.mat_file(config.mat_file)
  return chords.chords(data_seed=config.data_seed)


def make_batches(config: Config, pieces, data_seed: int | None = None):
  """index -> Batch, and the plan behind it, as `batching.plan_batches`.

  The first frame of a piece is read and not predicted.
  """
  inputs = [piece[:-1] for piece in pieces]
  plan = batching.plan_batches(config, inputs, data_seed)
  return data.step_batches(inputs, [piece[1:] for piece in pieces], plan), plan


# --- Model --------------------------------------------------------------------


def make_model(config: Config) -> models.FrameModel:
  return models.FrameModel(
    num_notes=piano_rolls.NUM_NOTES, recurrent=experiment.recurrent(config)
  )


def make_evaluate(config: Config, model: models.FrameModel, parts):
  """(params, names of parts) -> metrics, of whole pieces."""
  task = models.frame_model.task(model)
  eval_step = training.make_eval_step(task)

  def evaluate(params, among=('valid', 'test')) -> dict[str, float]:
    found = {}
    for part in among:
      batches, plan = make_batches(config, parts[part].pieces)
      metrics = training.evaluate(
        task, eval_step, params, batches, plan.batches_per_epoch
      )
      found |= {f'{part}/{name}': value for name, value in metrics.items()}
    return found

  return evaluate


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  for part, rolls in parts.items():
    frames = sum(len(piece) for piece in rolls.pieces)
    notes = sum(piece.sum() for piece in rolls.pieces) / frames
    print(
      f'{part}, {rolls.name}: {len(rolls.pieces):,} pieces, {frames:,} frames, '
      f'{notes:.2f} notes in a frame'
    )
  known = baselines.note_baselines(parts['train'].pieces, parts['test'].pieces)
  for name, nats in known.items():
    print(f'Baseline, nats per test frame: {name} {nats:.3f}')
  excerpts = piano_rolls.excerpts(parts['train'].pieces, config.max_steps)
  batches, plan = make_batches(config, excerpts, config.data_seed)
  print(f'Batches: {plan.report()}')
  batches = piano_rolls.transposed(batches, config.transpose, config.data_seed)
  model = make_model(config)
  task = models.frame_model.task(model)
  experiment.check(config, run, task, batches)

  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  evaluate = make_evaluate(config, model, parts)
  params, _ = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='frames',
      best='valid/nats_per_frame',
      programs=plan.num_programs,
      evaluate=lambda params: evaluate(params, ('valid',)),
    ),
    run.path,
  )
  figures.learning_curves(
    run.path,
    metric='nats_per_frame',
    baselines=known,
    clip_norm=config.clip_norm,
  )
  found = evaluate(params)
  nats = found['test/nats_per_frame']
  print(
    f'{nats:.3f} nats per test frame {baselines.verdict(nats, known)}.\n'
    'Let it play: SEQJAX_EXTRAS=music ./launch.sh music --mode=sample '
    f'--workdir={run.path}'
  )
  return found


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """The parts, the model, and the parameters of the newest checkpoint."""
  parts = read_parts(config)
  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  model = make_model(config)
  batches, _ = make_batches(config, parts['valid'].pieces)
  plan = experiment.plan(config, run, models.frame_model.task(model), batches)
  step, params = training.restore(plan, run.path)
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return parts, model, params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts, model, params = restore(config, run)
  return make_evaluate(config, model, parts)(params)


def sample(config: Config, run: experiment.RunDirectory) -> None:
  """Goes on from the first frames of a piece, as MIDI and as a figure."""
  midi.library()
  parts, model, params = restore(config, run)
  pieces = parts['test'].pieces
  if config.prompt_piece >= len(pieces):
    raise errors.UserError(
      f'--prompt_piece={config.prompt_piece}: expected at most '
      f'{len(pieces) - 1}, the last of {parts["test"].name}.'
    )
  real = pieces[config.prompt_piece]
  if config.prompt_steps > len(real):
    raise errors.UserError(
      f'--prompt_steps={config.prompt_steps}: expected at most {len(real)}, '
      f'the frames of piece {config.prompt_piece}.'
    )
  prompt = real[: config.prompt_steps]
  written = decoding.sample_frames(
    models.frame_model.step(model),
    params,
    models.frame_model.carry(model)(params, 1),
    jnp.asarray(prompt[:, None]),
    jax.random.key(config.sample_seed),
    length=config.length,
    temperature=config.temperature,
  )
  piece = np.concatenate([prompt, written[:, 0]])
  name = f'{config.prompt_piece}_{config.sample_seed}'
  paths = [run.path / 'samples' / f'{name}.{x}' for x in ('mid', 'png')]
  paths[0].parent.mkdir(exist_ok=True)
  midi.write(paths[0], piece, config.steps_per_beat)
  rolls = {
    f'{parts["test"].name}, piece {config.prompt_piece}': real[: len(piece)],
    f'after its first {config.prompt_steps} frames, as learnt': piece,
  }
  roll_figures.draw(paths[1], rolls, given=config.prompt_steps)
  print(*paths, sep='\n')


MODES = {'train': train, 'evaluate': evaluate, 'sample': sample}

if __name__ == '__main__':
  experiment.main(__doc__, 'music', Config, MODES)
