"""What it takes to caption pictures: the model, what it writes, its scores."""

import dataclasses
import itertools
import pathlib
import unicodedata
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from seqjax import data, layers, models, training
from seqjax.data import tokens
from seqjax.data.vision import captioned, pictures
from seqjax.experiment import batching, build, decoding, fields
from seqjax.metrics import texts
from seqjax.report import looked_at


@dataclasses.dataclass(frozen=True)
class Config(decoding.Config):
  """The settings that it adds to those of decoding."""

  convolutions: tuple[int, ...] = fields.field(
    (16, 48, 128),
    'channels of the convolutions, each of which but the first halves the '
    'picture; the last is the width of a region; some 6 x 6 to 14 x 14 regions '
    'should be left',
    minimum=1,
    maximum=2**12,
  )
  embedding_size: int = fields.field(
    32, 'width of the embedding of words; 32 to 512', minimum=1, maximum=2**16
  )
  attention: str = fields.field(
    'general',
    'how regions are compared with what is sought; none sees the mean of all, '
    'once',
    choices=layers.ATTENTIONS,
  )
  input_feeding: bool = fields.field(
    False,
    'what a step made of where it looked is read by the next; slower, and '
    'attention may run ahead of the words',
  )
  attention_penalty: float = fields.field(
    0.0,
    'factor on sum over regions of (1 - sum over words of the attention) ** 2; '
    '0 to 1',
    group='regularisation',
    minimum=0,
    traced=True,
  )
  word_dropout_rate: float = fields.field(
    0.0,
    'probability that a word is read as unknown; 0 to 0.3',
    group='regularisation',
    minimum=0,
    traced=True,
    below=1,
  )


def shape(saved) -> tuple[int, int, int]:
  """Height, width and colours of the pictures of a run.

  Raises:
    ValueError: that is not what was saved.
  """
  found = tuple(saved)
  if len(found) != 3 or not all(isinstance(n, int) and n > 0 for n in found):
    raise ValueError(f'no shape of a picture: {saved}')
  return found


def normal(caption: str) -> str:
  """A caption as it is learnt and scored.

  In lower case, with single blanks, its characters composed (Unicode NFC).

  >>> normal('A  Cafe\u0301')
  'a caf\xe9'
  """
  return ' '.join(unicodedata.normalize('NFC', caption).lower().split())


def encode(tokenizer: data.Tokenizer, part: captioned.Captioned):
  """The picture of each caption [M], and the captions, M arrays [n] int32."""
  owners = [i for i, each in enumerate(part.captions) for _ in each]
  every = itertools.chain.from_iterable(part.captions)
  return owners, [tokenizer.encode(normal(text)) for text in every]


def make_batches(
  config: Config,
  tokenizer: data.Tokenizer,
  part: captioned.Captioned,
  data_seed: int | None = None,
):
  """index -> Batch, and the plan behind it, as `batching.plan_batches`."""
  owners, targets = encode(tokenizer, part)
  steps = [range(len(target) + 1) for target in targets]
  plan = batching.plan_batches(config, steps, data_seed)
  end = len(tokenizer.vocabulary)
  return (
    captioned.caption_batches(part.pictures, owners, targets, end, plan),
    plan,
  )


def make_model(config: Config, tokenizer: data.Tokenizer) -> models.Captioner:
  return models.Captioner(
    regions=layers.Regions(config.convolutions),
    decoder=models.Decoder(
      vocab_size=len(tokenizer.vocabulary) + 1,
      recurrent=build.recurrent(config),
      embedding_size=config.embedding_size,
      attention=config.attention,
      input_feeding=config.input_feeding,
    ),
  )


def make_writer(
  config: Config, model: models.Captioner, tokenizer: data.Tokenizer
):
  """(params, pictures [N, H, W, C]) -> for each its captions, best first.

  A caption is its text and the `decoding.Hypothesis`.
  """
  begin = jax.jit(models.captioner.begin(model))
  search = decoding.make_search(
    config, models.decoder.step(model), len(tokenizer.vocabulary)
  )

  def write(params, seen) -> list[list[tuple[str, decoding.Hypothesis]]]:
    plan = batching.plan_batches(config, [range(1)] * len(seen))
    found = [None] * len(seen)
    for index in range(plan.batches_per_epoch):
      ids = plan.rows(index).ids
      rows = search(params, *begin(params, captioned.pick(seen, ids)))
      for i, hypotheses in zip(ids, rows, strict=True):
        if i >= 0:
          found[i] = [(tokenizer.join(x.tokens), x) for x in hypotheses]
    return found

  return write


def say_cut(config: Config, written, said_to=None) -> None:
  """Prints how many captions are longer than may be, and were cut.

  Args:
    config: with `max_written`.
    written: of pictures their captions, as of `make_writer`.
    said_to: standard output, unless another is named.
  """
  ended = [x.ended for each in written for _, x in each]
  if cut := ended.count(False):
    print(
      f'Captions that do not end within --max_written={config.max_written}, '
      f'and are cut: {cut:,} of {len(ended):,}.',
      file=said_to,
    )


def make_attention(
  config: Config, model: models.Captioner, tokenizer: data.Tokenizer
):
  """(params, part) -> where each step looked, [n, h, w] of each caption.

  n counts the words of a caption and its end, h x w are the regions.
  """
  look = jax.jit(models.decoder.attention(model))

  def attend(params, part: captioned.Captioned) -> list[np.ndarray]:
    batches, plan = make_batches(config, tokenizer, part)
    grid = model.regions.grid(*part.pictures.shape[1:3])
    found = [None] * len(plan.lengths)
    answers = batching.answers(lambda batch: look(params, batch), batches, plan)
    for i, row, weights in answers:
      found[i] = weights[: plan.lengths[i], row].reshape(-1, *grid)
    return found

  return attend


def share_seen(
  attention: Sequence[np.ndarray], part: captioned.Captioned
) -> float:
  """How often the region that counted most is in the box of what is named.

  Args:
    attention: [n, h, w] of each picture under its first caption.
    part: with `boxes`.

  Returns:
    The share among all words that have a box.
  """
  height, width = part.pictures.shape[1:3]
  hits = []
  for weights, boxes in zip(attention, part.boxes, strict=True):
    rows, columns = weights.shape[1:]
    for word, (top, left, bottom, right) in boxes.items():
      row, column = divmod(int(weights[word].argmax()), columns)
      y, x = (row + 0.5) * height / rows, (column + 0.5) * width / columns
      hits.append(top <= y < bottom and left <= x < right)
  return float(np.mean(hits))


def references(part: captioned.Captioned) -> list[list[str]]:
  """What is right for each picture, as captions are scored."""
  return [[normal(text) for text in each] for each in part.captions]


def score(written: Sequence[str], part: captioned.Captioned):
  """BLEU and chrF against all captions of a picture, and the share exact."""
  return texts.text_scores(written, references(part))


def make_measure(
  config: Config,
  model: models.Captioner,
  tokenizer: data.Tokenizer,
  parts: Mapping[str, captioned.Captioned],
):
  """(params, names of parts) -> metrics, e.g. 'test/exact'."""
  task = models.captioner.task(model)
  step = training.make_eval_step(task)
  write = make_writer(config, model, tokenizer)
  attend = make_attention(config, model, tokenizer)

  def measure(params, among=('valid', 'test')) -> dict[str, float]:
    found = {}
    for name in among:
      part = parts[name]
      batches, plan = make_batches(config, tokenizer, part)
      scores = training.evaluate(
        task, step, params, batches, plan.batches_per_epoch
      )
      best = [each[0][0] for each in write(params, part.pictures)]
      scores |= score(best, part)
      if part.boxes and config.attention != 'none':
        scores['attention_hits'] = share_seen(attend(params, part), part)
      found |= {f'{name}/{key}': value for key, value in scores.items()}
    return found

  return measure


def show(
  config: Config,
  directory: pathlib.Path,
  model: models.Captioner,
  tokenizer: data.Tokenizer,
  params,
  part: captioned.Captioned,
) -> None:
  """Prints what is written of pictures, and draws where it was looked.

  The pictures are written to samples/, to be captioned again.
  """
  written = make_writer(config, model, tokenizer)(params, part.pictures)
  best = [each[0][0] for each in written]
  say_cut(config, [each[:1] for each in written])
  for i, text in enumerate(best):
    pictures.write(directory / 'samples' / f'{i}.png', part.pictures[i])
    print(f'{part.names[i]}: {text} (right: {part.captions[i][0]})')
  if config.attention == 'none':
    return
  attend = make_attention(config, model, tokenizer)
  as_written = part._replace(captions=tuple((text,) for text in best))
  for i, weights in enumerate(attend(params, as_written)):
    words = [x.removeprefix(tokens.BEGIN) for x in tokenizer.split(best[i])]
    path = directory / 'figures' / f'looked_at_{i}.png'
    looked_at.draw(path, part.pictures[i], [*words, '(end)'], weights)
