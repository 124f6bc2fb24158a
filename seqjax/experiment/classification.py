"""What the experiments have in common that give a sequence one label."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from seqjax import baselines, data, metrics, models, training
from seqjax.experiment import batching, build, fields, run_directory
from seqjax.report import figures


@dataclasses.dataclass(frozen=True)
class Config(batching.Config):
  """The settings that they add to those of sequences."""

  pooling: str = fields.field(
    'last',
    'how the outputs of all steps become one',
    choices=('last', 'mean', 'max', 'attention'),
  )


class Part(NamedTuple):
  """Sequences and what they are, to learn from or to be measured on."""

  sequences: Any  # N arrays [n] int32 or [n, D] float32
  targets: np.ndarray  # [N] int32, places in the names of the labels


def make_part(sequences, labels: Sequence[str], names: Sequence[str]) -> Part:
  """A part, from the label of each sequence.

  >>> make_part(['ab', 'c'], ['pos', 'neg'], ('neg', 'pos')).targets
  array([1, 0], dtype=int32)
  """
  places = {name: k for k, name in enumerate(names)}
  targets = np.array([places[label] for label in labels], np.int32)
  return Part(sequences, targets)


def make_predict(config: Config, model: models.Classifier) -> Callable:
  """(params, sequences) -> probabilities [N, K], attention (a list or None)."""
  predict = jax.jit(models.classifier.predict(model))

  def run(params, sequences):
    plan = batching.plan_batches(config, sequences)
    nothing = np.zeros(len(sequences), np.int32)
    batches = data.sequence_batches(sequences, nothing, plan)
    probabilities = np.zeros((len(sequences), model.num_classes), np.float32)
    attention = [None] * len(sequences)
    answers = batching.answers(
      lambda batch: predict(params, batch), batches, plan
    )
    for i, row, (found, weights) in answers:
      probabilities[i] = found[row]
      if weights is not None:
        attention[i] = weights[: len(sequences[i]), row]
    return probabilities, attention

  return run


def check(config: Config, run, model, part: Part, symbols=None) -> None:
  """Refuses what a cell cannot do, as `experiment.check`.

  Args:
    config, run, model: as for `fit`.
    part: to learn from.
    symbols: of the vocabulary, where sequences are of symbols.
  """
  plan = batching.plan_batches(config, part.sequences, config.data_seed)
  batches = data.sequence_batches(part.sequences, part.targets, plan)
  build.check(config, run, models.classifier.task(model), batches, symbols)


def fit(
  config: Config,
  run: run_directory.RunDirectory,
  model: models.Classifier,
  parts: dict[str, Part],
  names: Sequence[str],
  known: dict[str, float],
  directory: pathlib.Path | None = None,
) -> dict[str, float]:
  """Trains, says what the model is worth, and draws it.

  Args:
    config: of the experiment.
    run: its directory; `run.record_data` is called by the experiment.
    model: what is trained.
    parts: 'train', 'valid', which is evaluated on the way, and maybe 'test',
      which is measured once, at the end.
    names: of the K labels.
    known: name -> accuracy of simple predictors on the last part.
    directory: where to train, if not in that of the run.

  Returns:
    The metrics of the held-out parts.
  """
  directory = directory or run.path
  train, last = parts['train'], list(parts)[-1]
  plan = batching.plan_batches(config, train.sequences, config.data_seed)
  print(f'Batches: {plan.report()}')
  predict = make_predict(config, model)
  params, _ = training.fit(
    build.plan(
      config,
      run,
      models.classifier.task(model),
      data.sequence_batches(train.sequences, train.targets, plan),
      unit='sequences',
      best='valid/accuracy',
      higher_is_better=True,
      programs=plan.num_programs,
      evaluate=lambda params: score(predict, params, parts, ('valid',)),
    ),
    directory,
  )
  figures.learning_curves(
    directory,
    metric='accuracy',
    baselines=known,
    clip_norm=config.clip_norm,
  )
  answers = _answers(predict, params, parts, ('valid', 'test'))
  predicted, targets = answers[last].argmax(axis=1), parts[last].targets
  counts = metrics.confusion(targets, predicted, len(names))
  figures.confusion_matrix(directory, names, counts)
  accuracy = float(np.mean(predicted == targets))
  verdict = baselines.verdict(accuracy, known, higher_is_better=True)
  print(f'{accuracy:.2%} of {len(targets):,} right: {verdict}.')
  return _scores(answers, parts)


def score(predict, params, parts, among=('valid', 'test')) -> dict[str, float]:
  """The metrics of the parts that are held out, e.g. 'test/accuracy'.

  Args:
    predict: of `make_predict`.
    params: of the model.
    parts: name -> Part.
    among: names of parts; those that there are not are passed over.
  """
  return _scores(_answers(predict, params, parts, among), parts)


def _answers(predict, params, parts, among):
  """name -> probabilities [N, K]."""
  return {
    name: predict(params, parts[name].sequences)[0]
    for name in among
    if name in parts
  }


def _scores(answers, parts):
  return {
    f'{name}/{key}': value
    for name, probabilities in answers.items()
    for key, value in metrics.classification(
      probabilities, parts[name].targets
    ).items()
  }


def restore(config, run, model: models.Classifier, sequence, directory=None):
  """The parameters of the newest checkpoint of a run.

  Args:
    config, run, model, directory: as for `fit`.
    sequence: any, for its width and dtype.
  """
  directory = directory or run.path
  # The trained shapes do not depend on what is in the batch.
  plan = data.Buckets([len(sequence)], 1, 1)
  batches = data.sequence_batches([sequence], [0], plan)
  task = models.classifier.task(model)
  step, params = training.restore(
    build.plan(config, run, task, batches), directory
  )
  print(f'{directory} at step {step:,}', file=sys.stderr)
  return params


def attended(units: Sequence[str], weights, most: int = 5) -> str:
  """The units that counted most, each with the share of all its places.

  Args:
    units: n words or letters.
    weights: [n], of attention pooling.
    most: how many to name.

  >>> attended(['la', 'bad', 'la'], [0.25, 0.5, 0.125])
  'bad 0.50, la 0.38'
  """
  shares = {}
  for unit, weight in zip(units, weights, strict=True):
    unit = unit if unit.isprintable() else repr(unit)
    shares[unit] = shares.get(unit, 0.0) + float(weight)
  top = sorted(shares, key=lambda unit: -shares[unit])[:most]
  return ', '.join(f'{unit} {shares[unit]:.2f}' for unit in top)
