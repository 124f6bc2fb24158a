"""Time per epoch of a text classifier, beside torch's packed sequences.

  ./launch.sh bench packed [--train_file=imdb_train.tsv.xz] [--share=0.05]

Embedding, bidirectional LSTM, the largest output over time, Linear; Adam behind
a clipped norm; both begin with the same weights, and the loss of the first
batch is compared. We pad to the few lengths of the batch plan; torch packs, of
the same batches (`packed`) and of batches drawn at random (`packed, random`),
as a DataLoader gives them. A round trains once on a share of the epoch's
batches, evenly taken from short to long; the table has medians over the rounds,
scaled to an epoch. Without a file, lengths are drawn as those of IMDb are.
"""

import sys

import jax
import numpy as np

from benchmarks import _timing
from seqjax import cells, data, errors, exchange, layers, models, training
from seqjax.data import tables, tokens

VOCAB_SIZE, EMBEDDING_SIZE, HIDDEN_SIZE, NUM_CLASSES = 20_000, 100, 64, 2
LEARNING_RATE, CLIP_NORM = 1e-3, 1.0
MODEL = models.Classifier(
  num_classes=NUM_CLASSES,
  recurrent=layers.Recurrent(
    cells.lstm(double_bias=True), (HIDDEN_SIZE,), bidirectional=True
  ),
  pooling='max',
  vocab_size=VOCAB_SIZE,
  embedding_size=EMBEDDING_SIZE,
)


def read(path, max_length):
  """Sequences of ids, at most `max_length` long, and their targets."""
  if path:
    texts = tables.table(path)
    tokenizer = tokens.fit(texts.texts, 'words', max_size=VOCAB_SIZE)
    sequences = [tokenizer.encode(text) for text in texts.texts]
    names = sorted(set(texts.labels))[:NUM_CLASSES]
    targets = [names.index(label) for label in texts.labels]
  else:
    rng = np.random.RandomState(0)
    lengths = np.exp(rng.normal(5.35, 0.65, 25_000)).astype(int) + 10
    sequences = [rng.randint(1, VOCAB_SIZE, n).astype('i4') for n in lengths]
    targets = rng.randint(0, NUM_CLASSES, len(lengths))
  return data.cut(sequences, max_length)[0], np.asarray(targets)


def torch_trainer(params):
  """(tokens, lengths, targets) -> loss, of a network with our weights."""
  import torch
  from torch.nn.utils import rnn

  lstm = torch.nn.LSTM(EMBEDDING_SIZE, HIDDEN_SIZE, bidirectional=True)
  embedding = torch.nn.Embedding(VOCAB_SIZE, EMBEDDING_SIZE)
  linear = torch.nn.Linear(2 * HIDDEN_SIZE, NUM_CLASSES)
  network = exchange.Network(
    cell='lstm',
    options={'double_bias': True},
    recurrent=params['recurrent'],
  )
  arrays = exchange.dump('torch', network)
  tensor = lambda x: torch.tensor(np.array(x))
  lstm.load_state_dict({k: tensor(v) for k, v in arrays.items()})
  embedding.load_state_dict(
    {'weight': tensor(params['embedding']['embedding'])}
  )
  linear.load_state_dict(
    {
      'weight': tensor(params['scores']['kernel']).T,
      'bias': tensor(params['scores']['bias']),
    }
  )
  weights = [p for m in (lstm, embedding, linear) for p in m.parameters()]
  optimizer = torch.optim.Adam(weights, lr=LEARNING_RATE)

  def step(batch):
    inputs, lengths, targets = map(torch.from_numpy, batch)
    packed = rnn.pack_padded_sequence(
      embedding(inputs), lengths, enforce_sorted=False
    )
    ys, _ = rnn.pad_packed_sequence(
      lstm(packed)[0], padding_value=-float('inf')
    )
    loss = torch.nn.functional.cross_entropy(
      linear(ys.max(dim=0).values), targets
    )
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, CLIP_NORM)
    optimizer.step()
    return loss.item()

  return step


def for_torch(sequences, targets, ids):
  """Token ids [T, B], lengths and targets [B], without filler rows."""
  ids = ids[ids >= 0]
  lengths = np.array([len(sequences[i]) for i in ids])
  inputs, _ = data.pad(sequences, ids, lengths.max())
  return inputs.astype(np.int64), lengths, targets[ids].astype(np.int64)


def main():
  parser = _timing.parser(__doc__, 'packed')
  parser.add_argument('--train_file', default='')
  parser.add_argument('--max_length', type=int, default=400)
  parser.add_argument('--batch_size', type=int, default=32)
  parser.add_argument('--max_compilations', type=int, default=8)
  parser.add_argument('--share', type=float, default=0.05)
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--out')
  options = parser.parse_args()
  if not 0 < options.share <= 1 or options.rounds < 1 or options.max_length < 1:
    parser.error(
      'expected --share above 0 and at most 1, --rounds and '
      '--max_length of at least 1.'
    )
  try:
    sequences, targets = read(options.train_file, options.max_length)
    plan = data.Buckets(
      np.array([len(x) for x in sequences]),
      options.batch_size,
      options.max_compilations,
      shuffle=False,
    )
  except errors.UserError as error:
    parser.error(str(error))
  print(f'{_timing.machine()}; {plan.report()}')

  every = round(1 / options.share)
  indices = range(every // 2, plan.batches_per_epoch, every)
  scale = plan.batches_per_epoch / len(indices)
  ours = data.sequence_batches(sequences, targets, plan)
  batches = [ours(index) for index in indices]
  rng = np.random.default_rng(0)
  shuffled = rng.permutation(len(sequences))[: len(indices) * plan.batch_size]
  rows = {
    'packed': [plan.rows(index).ids for index in indices],
    'packed, random': np.array_split(shuffled, len(indices)),
  }

  task = models.classifier.task(MODEL)
  optimizer = training.make_optimizer('adam')
  hparams = {'learning_rate': LEARNING_RATE, 'clip_norm': CLIP_NORM}
  hparams = {name: np.float32(x) for name, x in hparams.items()}
  hparams['seed'] = np.uint32(0)
  params = task.init(jax.random.key(0), batches[0])
  train_step = training.make_train_step(task, optimizer)
  state = training.state.create(task, optimizer, batches[0], 0, params)
  trainers = {name: torch_trainer(params['params']) for name in rows}
  packed = {
    name: [for_torch(sequences, targets, ids) for ids in rows[name]]
    for name in rows
  }

  loss = jax.jit(task.loss)(params, (), batches[0], None, {})
  mine = float(loss[0] / loss[1].weight)
  theirs = trainers['packed'](packed['packed'][0])
  print(f'Loss of the first batch: {mine:.6f}, torch {theirs:.6f}')
  if abs(mine - theirs) > 1e-4:
    sys.exit('error: these are two different models.')

  def train_ours():
    nonlocal state
    for batch in batches:
      state, _, metrics = train_step(state, batch, hparams)
    jax.block_until_ready(state)

  def train_torch(name):
    for batch in packed[name]:
      trainers[name](batch)

  programs = {'seqjax': train_ours} | {
    f'torch {name}': lambda name=name: train_torch(name) for name in rows
  }
  first, seconds = _timing.take_turns(programs, options.rounds, rng)
  medians = {k: scale * float(np.median(v)) for k, v in seconds.items()}
  for name, median in medians.items():
    ratio = median / medians['seqjax']
    print(f'{name:22} {median:7.1f} s an epoch, {ratio:5.2f} of ours')
  compiling = first['seqjax'] - float(np.median(seconds['seqjax']))
  print(f'Compiling {plan.num_programs} programs, once: {compiling:.1f} s')
  _timing.save(
    options.out,
    density=plan.density,
    programs=plan.num_programs,
    seconds_per_epoch=medians,
    compiling_s=compiling,
  )


if __name__ == '__main__':
  main()
