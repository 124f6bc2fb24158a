"""A question about a story: read both, give the answer.

Sentences are read one after another, both ways, and then looked at several
times: each look says where to look next.

Source: the memory of Xiong, Merity and Socher (2016), ICML, with soft
attention, on the kind of stories of Weston et al. (2015), arXiv:1502.05698.
Command: ./launch.sh answering
Data: stories made on the spot, 6 to 12 sentences of who goes where with what.
Expected: 0.986 of the test questions; of those that need one, two and three
sentences 1.00, 0.98 and 0.98. The best rule has 0.85, 0.46 and 0.47, and
--attention=none 0.47, 0.50 and 0.61.
Hardware: two CPU cores, 90 seconds.
"""

import dataclasses
import sys

from seqjax import baselines, data, experiment, layers, models, training
from seqjax.data.text import babi, questions, stories
from seqjax.experiment import answering, classification, inputs
from seqjax.report import figures, score_table, story_attention

field = experiment.field

_PARTS = ('train', 'valid', 'test')
_DRAWN = 6  # questions in the figure, at most

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(answering.Config):
  steps: int = 3000
  batch_size: int = 64
  cell: str = 'gru'
  hidden_size: int = 64
  learning_rate: float = 3e-3
  schedule: str = 'cosine'
  eval_every: int = 500
  bidirectional: bool = True
  max_compilations: int = 2
  eval_batch_size: int = 256
  dataset: str = field(
    'stories',
    'what to learn from, where no --train_file is given',
    group='data',
    choices=('stories',),
  )
  train_file: str = field(
    '',
    'stories and questions in the format of bAbI; or a pattern that several '
    "files fit, as in 'qa*_train.txt'; .gz and .xz are opened",
    group='data',
    is_path=True,
  )
  valid_file: str = field(
    '',
    'the same to validate on; a share of the training stories if empty',
    group='data',
    is_path=True,
  )
  test_file: str = field(
    '',
    'the same to measure on, at the end; a share of the training stories if '
    'empty',
    group='data',
    is_path=True,
  )
  test_fraction: float = field(
    0.1,
    'share of the stories that is held out where no --test_file is given; 0.05 '
    'to 0.2',
    group='data',
    above=0,
    below=1,
  )
  embedding_size: int = field(
    32, 'width of the embedding of words; 16 to 100', minimum=1, maximum=2**16
  )
  attention: str = field(
    'general',
    'how a sentence is found; none answers from what the reading ends with',
    choices=layers.ATTENTIONS,
  )
  hops: int = field(
    3, 'how often the story is looked at; 1 to 4', minimum=1, maximum=100
  )
  word_dropout_rate: float = field(
    0.0,
    'probability that a word of the story is read as unknown; 0 to 0.2',
    group='regularisation',
    minimum=0,
    traced=True,
    below=1,
  )
  text_file: str = field(
    '',
    'stories with questions, in the format of bAbI without answers, or plain '
    'lines: a question ends in a question mark, an empty line ends a story; '
    'standard input if empty',
    group='answer',
    kind='runtime',
    is_path=True,
  )


# --- Data ---------------------------------------------------------------------


def read_parts(config: Config) -> dict[str, questions.Questions]:
  """The parts 'train', 'valid' and 'test'."""
  files = inputs.files(config)
  if not files:
    return stories.made_stories(config.data_seed)
  parts = {part: babi.babi_files(path) for part, path in files.items()}
  for part in ('test', 'valid'):
    if part not in parts:
      fraction = getattr(config, f'{part}_fraction')
      parts['train'], parts[part] = questions.hold_out(
        parts['train'], fraction, config.data_seed
      )
  return {part: parts[part] for part in _PARTS}


# --- Model --------------------------------------------------------------------


def make_model(config: Config, symbols: answering.Symbols) -> models.Answerer:
  return models.Answerer(
    num_answers=len(symbols.answers),
    recurrent=experiment.recurrent(config, bidirectional=config.bidirectional),
    vocab_size=len(symbols.words),
    embedding_size=config.embedding_size,
    attention=config.attention,
    hops=config.hops,
  )


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  answering.describe(config, parts)
  symbols = answering.Symbols.of(config, parts['train'])
  asked = {
    part: answering.shortened(config, whole.questions)
    for part, whole in parts.items()
  }
  guesses = baselines.answer_baselines(asked['train'], asked['test'])
  known = {
    rule: answering.by_kind(asked['test'], answers)
    for rule, answers in guesses.items()
  }
  for part in ('valid', 'test'):
    answering.say_unknown(symbols, asked[part], part)
  batches, plan = answering.make_batches(config, symbols, asked['train'])
  print(
    f'{len(symbols.words):,} words, {len(symbols.answers):,} answers. '
    f'Batches: {plan.report()}'
  )
  model = make_model(config, symbols)
  task = models.answerer.task(model)
  experiment.check(config, run, task, batches, symbols.words.symbols)

  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  symbols.save(run)
  read = answering.make_reader(config, model, symbols)
  params, _ = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='questions',
      best='valid/accuracy',
      higher_is_better=True,
      programs=plan.num_programs,
      evaluate=lambda params: answering.measure(
        read, params, symbols, asked, ('valid',)
      ),
    ),
    run.path,
  )
  overall = {rule: shares['accuracy'] for rule, shares in known.items()}
  figures.learning_curves(
    run.path, metric='accuracy', baselines=overall, clip_norm=config.clip_norm
  )
  probabilities, attention = read(params, asked['test'])
  answers = symbols.named(probabilities)
  shares = answering.by_kind(asked['test'], answers)
  print(f'test accuracy:\n{_table(known | {"network": shares})}')
  reached = shares['accuracy']
  verdict = baselines.verdict(reached, overall, higher_is_better=True)
  print(f'test accuracy {reached:.4f} {verdict}.')
  if config.attention != 'none':
    drawn = [
      story_attention.Answered(*row)
      for row in zip(asked['test'], answers, attention, strict=True)
    ]
    print(f'Where it looked: {story_attention.draw(run.path, _some(drawn))}')
  print(
    'Ask it: ./launch.sh answering --mode=answer --text_file=story.txt '
    f'--workdir={run.path}'
  )
  return answering.measure(read, params, symbols, asked)


def _table(known):
  """A row for each kind of question, a column for each who answers."""
  kinds = dict.fromkeys(kind for shares in known.values() for kind in shares)
  return score_table.score_table(
    {
      kind: {name: shares[kind] for name, shares in known.items()}
      for kind in kinds
    }
  )


def _some(answered):
  """The first questions of each kind."""
  by_kind = {}
  for one in answered:
    by_kind.setdefault(one.question.kind, []).append(one)
  return [one for same in by_kind.values() for one in same[:2]][:_DRAWN]


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """The symbols, what `answering.make_reader` gives, and the parameters."""
  symbols = answering.Symbols.load(run)
  model = make_model(config, symbols)
  one = questions.Question(('?',), '?', symbols.answers[0], (), '')
  batches, _ = answering.make_batches(config, symbols, [one])
  plan = experiment.plan(config, run, models.answerer.task(model), batches)
  step, params = training.restore(plan, run.path)
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return symbols, answering.make_reader(config, model, symbols), params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  symbols, read, params = restore(config, run)
  asked = {
    part: answering.shortened(config, parts[part].questions)
    for part in ('valid', 'test')
  }
  return answering.measure(read, params, symbols, asked)


def answer(config: Config, run: experiment.RunDirectory) -> None:
  """Prints a row per question: the answer, its probability, what counted."""
  if path := config.text_file:
    text = data.text_file(path).text
  else:
    path, text = 'standard input', inputs.standard_input()
  asked = babi.read(text, path, answered=False)
  symbols, read, params = restore(config, run)
  asked = answering.shortened(config, asked, said_to=sys.stderr)
  answering.say_unknown(symbols, asked, path, said_to=sys.stderr)
  probabilities, attention = read(params, asked)
  looks = config.hops if config.attention != 'none' else 0
  hops = [f'hop {hop}' for hop in range(1, looks + 1)]
  print('\t'.join(['question', 'answer', 'probability', *hops]))
  for question, name, p, weights in zip(
    asked, symbols.named(probabilities), probabilities, attention, strict=True
  ):
    row = [question.text, name, f'{p.max():.4f}']
    if weights is not None:
      row += [
        classification.attended(question.story, hop, most=1) for hop in weights
      ]
    print('\t'.join(row))


MODES = {'train': train, 'evaluate': evaluate, 'answer': answer}

if __name__ == '__main__':
  experiment.main(__doc__, 'answering', Config, MODES)
