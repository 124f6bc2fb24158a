"""Sequences in, sequences out: the settings, the model, and how it answers."""

import dataclasses

import jax
import numpy as np

from seqjax import data, errors, layers, models, training
from seqjax.cells import regularizers
from seqjax.data import padding
from seqjax.experiment import batching, build, decoding, fields
from seqjax.recurrence import scheduled_sampling

# Sources of many lengths come one by one as well: each is padded to a multiple
# of this, so that few programs serve them all.
_PADDED_TO = 8


@dataclasses.dataclass(frozen=True)
class Config(decoding.Config, batching.Config):
  """The settings that it adds to those of sequences and of decoding."""

  bidirectional: bool = fields.field(
    True, 'the encoder reads every layer both ways'
  )
  embedding_size: int = fields.field(
    128,
    'width of the embeddings of source and target; 32 to 512',
    minimum=1,
    maximum=2**16,
  )
  attention: str = fields.field(
    'general',
    'how what is read is compared with what is sought; none begins where the '
    'encoder ended and looks back at nothing',
    choices=layers.ATTENTIONS,
  )
  input_feeding: bool = fields.field(
    False,
    'what a step made of where it looked is read by the next; slower, for no '
    'step can go before another',
  )
  tied: bool = fields.field(
    False, 'the embedding of the target is the matrix of its scores, too'
  )
  word_dropout_rate: float = fields.field(
    0.0,
    'probability that a symbol is read as unknown; 0 to 0.2',
    group='regularisation',
    minimum=0,
    traced=True,
    below=1,
  )
  label_smoothing: float = fields.field(
    0.0,
    'share of the probability of each target that is spread over all symbols; '
    '0 to 0.2',
    group='regularisation',
    minimum=0,
    traced=True,
    below=1,
  )
  teacher: str = fields.field(
    'always',
    'in training the symbol before is told: always, or with a probability that '
    'changes with the steps (scheduled sampling), else the likeliest is read',
    group='training',
    choices=('always', *scheduled_sampling.SCHEDULES),
  )
  teacher_k: float = fields.field(
    1.0,
    'how slowly the teacher leaves: constant is this probability, linear this '
    'many steps, exponential k ** step, inverse_sigmoid k / (k + exp(step/k))',
    group='training',
    minimum=0,
  )
  teacher_last: float = fields.field(
    0.0,
    'what the probability does not fall below',
    group='training',
    minimum=0,
    maximum=1,
  )
  max_length: int = fields.field(
    60,
    'symbols of a source or target; longer pairs are not learnt from, and of a '
    'longer source the beginning is read',
    group='data',
    minimum=1,
    maximum=10**5,
  )


def make_model(
  config: Config, num_sources: int, num_targets: int
) -> models.EncoderDecoder:
  """The model of a config.

  Args:
    config: as it is.
    num_sources, num_targets: symbols of the two vocabularies, the unknown one
      included, the end not.
  """
  return models.EncoderDecoder(
    encoder=build.recurrent(config, bidirectional=config.bidirectional),
    decoder=models.Decoder(
      vocab_size=num_targets + 1,
      recurrent=build.recurrent(config),
      embedding_size=config.embedding_size,
      attention=config.attention,
      input_feeding=config.input_feeding,
      tied=config.tied,
    ),
    vocab_size=num_sources,
    embedding_size=config.embedding_size,
  )


def make_task(config: Config, model: models.EncoderDecoder) -> models.Task:
  """The task of a model, under the teacher of a config.

  Raises:
    UserError: noise that such a teacher leaves no room for; a teacher_k that is
      none.
  """
  teacher = None
  one_by_one = config.input_feeding or config.teacher != 'always'
  lasting = [
    name
    for name in (*regularizers.Rates._fields, 'variational')
    if one_by_one and getattr(config, name, 0)
  ]
  if lasting:
    raise errors.UserError(
      f'--{", --".join(lasting)}: noise that lasts for a whole sequence needs '
      'its steps at once, and with --input_feeding or without a --teacher they '
      'come one by one. Leave it out.'
    )
  if config.teacher != 'always':
    teacher = scheduled_sampling.schedule(
      config.teacher, config.teacher_k, config.teacher_last
    )
  return models.encoder_decoder.task(model, teacher)


def make_batches(
  config: Config, sources, targets, end: int, data_seed: int | None = None
):
  """index -> Batch, and the plan behind it, as `batching.plan_batches`."""
  steps = [range(n) for n in data.pair_lengths(sources, targets)]
  plan = batching.plan_batches(config, steps, data_seed)
  return data.pair_batches(sources, targets, end, plan), plan


def short(config: Config, sources, targets) -> np.ndarray:
  """The places of the pairs that are no longer than --max_length."""
  lengths = np.maximum(
    [len(source) for source in sources], [len(target) for target in targets]
  )
  return np.flatnonzero(lengths <= config.max_length)


def make_evaluate(config: Config, task: models.Task, parts, end: int):
  """What a teacher finds, of parts: name -> (sources, targets).

  Returns:
    (params, names of parts) -> metrics per token, e.g. 'valid/nats_per_token'.
  """
  step = training.make_eval_step(task)

  def evaluate(params, among) -> dict[str, float]:
    found = {}
    for part in among:
      batches, plan = make_batches(config, *parts[part], end)
      metrics = training.evaluate(
        task, step, params, batches, plan.batches_per_epoch
      )
      found |= {f'{part}/{name}': value for name, value in metrics.items()}
    return found

  return evaluate


def make_writer(config: Config, model: models.EncoderDecoder):
  """(params, sources) -> for each source its hypotheses, best first."""
  begin = jax.jit(models.encoder_decoder.begin(model))
  end = model.decoder.vocab_size - 1
  search = decoding.make_search(config, models.decoder.step(model), end)

  def write(params, sources) -> list[list[decoding.Hypothesis]]:
    if not len(sources):
      return []
    sources = [source[: config.max_length] for source in sources]
    rounded = [
      range(-(-max(len(x), 1) // _PADDED_TO) * _PADDED_TO) for x in sources
    ]
    plan = batching.plan_batches(config, rounded)
    found = [None] * len(sources)
    for index in range(plan.batches_per_epoch):
      length, ids = plan.rows(index)
      rows = search(params, *begin(params, *padding.pad(sources, ids, length)))
      for i, hypotheses in zip(ids, rows, strict=True):
        if i >= 0:
          found[i] = hypotheses
    return found

  return write


def make_attention(config: Config, model: models.EncoderDecoder):
  """(params, sources, targets) -> where each step looked, [n, S] of each pair.

  n counts the symbols of a target and its end.
  """
  end = model.decoder.vocab_size - 1
  look = jax.jit(models.decoder.attention(model))

  def attend(params, sources, targets) -> list[np.ndarray]:
    sources = [source[: config.max_length] for source in sources]
    batches, plan = make_batches(config, sources, targets, end)
    answers = batching.answers(lambda batch: look(params, batch), batches, plan)
    found = [None] * len(sources)
    for i, row, weights in answers:
      found[i] = weights[: len(targets[i]) + 1, row, : len(sources[i])]
    return found

  return attend
