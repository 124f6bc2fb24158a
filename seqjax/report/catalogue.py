"""The page of all cells, made from their registry and their docstrings.

python -m seqjax.report.catalogue > docs/cells.md
"""

import functools
import inspect
import re
import textwrap

from seqjax import cells, recurrence
from seqjax.recurrence import cudnn
from seqjax.report import parameters

# Who has the cell, under whatever name, in torch 2.13, Keras 3, Flax 0.12 and
# their like; one that is not here has not been looked for.
PEERS = {
  'conv_lstm_1d': 'Keras, Flax (linen), haiku, tf.contrib',
  'conv_lstm_2d': 'Keras, Flax (linen), haiku, tf.contrib',
  'echo_state': 'TF Addons',
  'elman': 'torch, Keras, Flax, Sonnet, tf.contrib, FlashRNN, XMA',
  'elman_relu': 'torch, Keras, Flax, haiku, Sonnet, tf.contrib',
  'elman_sigmoid': 'Keras, Flax, Sonnet, tf.contrib',
  'grid_lstm': 'tf.contrib',
  'gru': 'torch, Keras, Flax (linen), Sonnet (CuDNNGRU), fused kernels',
  'gru_layer_norm': 'tf.contrib, haste',
  'gru_reset_before': 'Keras, haiku, Sonnet, tf.contrib; XMA without biases',
  'ind_rnn': 'tf.contrib, haste',
  'irnn': 'torch, Keras, Flax, tf.contrib: relu, its weights set by hand',
  'jordan_hidden': 'Nobody',
  'jordan_output': 'Nobody',
  'lru': 'diagonal recurrences of other forms: recurrentgemma, S5',
  'lstm': 'torch, Keras, Flax, haiku, Sonnet, tf.contrib, fused kernels',
  'lstm_coupled': 'tf.contrib; ParaRNN in a form of its own',
  'lstm_hard': 'Keras',
  'lstm_layer_norm': 'tf.contrib, haste',
  'lstm_peephole': 'tf.contrib',
  'mgu': 'tf.contrib: minimal cells',
  'mgu_reset_after': 'Flax (linen)',
  'min_gru': 'minGRU',
  'min_gru_positive': 'minGRU',
  'min_lstm': 'minGRU',
  'rg_lru': 'recurrentgemma',
  'slstm': 'fused kernels, xlstm, neuralforecast',
  'ugrnn': 'tf.contrib',
}

HEAD = """\
# The cells

Printed by `python -m seqjax.report.catalogue` from the cells themselves, and
held to them by a test. The names in the first column are those of `--cell` and
of `cells.CELLS`.

Options of a builder and numbers of its `init` may be given on the command line,
`--cell=lstm --cell_options=peephole=true,projection=128,forget_bias=2`, and in
Python to each, `cells.lstm(peephole=True, projection=128)` and
`init(..., forget_bias=2.0)`. Options go together unless a sentence refuses it.
An activation is any elementwise function in Python, and on the command line one
of {activations}.

Parameters are counted with the default options: D is the width of the input, H
the hidden size; of a convolutional cell C and H are the channels in and out.

An engine is how `recurrence.unroll` computes a cell. `scan` is plain JAX and
serves all; `fused` has a backward pass of its own; `associative` is parallel in
time; `cudnn` needs an NVIDIA GPU. `engine='auto'` chooses.

Who has it too: "Sonnet" is its version 2; "tf.contrib" is `tf.contrib.rnn`,
which ended with TensorFlow 1; "fused kernels" are some of FlashRNN, haste and
XMA. "Nobody" is none of these, nor torch, Keras, Flax, haiku, the libraries of
xLSTM, recurrentgemma, or those that are parallel in time (DEER, ELK, ParaRNN,
S5, minGRU). A dash says that nobody has looked.
"""

_HEADER = re.compile(r'([A-Z][a-z]+):\s*(.*)')


def builder(name: str):
  """The function that makes a cell, without the options of its name."""
  make = cells.CELLS[name]
  return make.func if isinstance(make, functools.partial) else make


def sections(function) -> dict[str, str]:
  """A docstring taken apart.

  Returns:
    'Summary', the first line; 'Equation', what stands before the first header,
    as it is; and every other section under its header, such as 'Source'.

  Example:
    >>> print(sections(cells.ind_rnn)['Equation'])
      h_t = activation(w_x x_t + u * h_tm1 + b)
  """
  lines = inspect.getdoc(function).split('\n')
  found, header = {'Summary': [lines[0]]}, 'Equation'
  for line in lines[1:]:
    if match := _HEADER.fullmatch(line):
      header, line = match.groups()
    found.setdefault(header, []).append(line)
  return {
    header: _dedent(lines, keep=header == 'Equation')
    for header, lines in found.items()
  }


def _dedent(lines, keep):
  """Text without blank edges; a section's first line stood by its header."""
  text = '\n'.join(lines)
  if not keep:
    first, _, rest = text.partition('\n')
    text = f'{first}\n{textwrap.dedent(rest)}'
  return text.strip('\n').rstrip()


def call(name: str) -> str:
  """How a registered cell is made.

  Example:
    >>> call('elman_relu'), call('gru_reset_before')
    ('elman(relu)', "gru('before')")
  """
  make = cells.CELLS[name]
  given = []
  if isinstance(make, functools.partial):
    given = [_value(v) for v in make.args]
    given += [f'{k}={_value(v)}' for k, v in make.keywords.items()]
  return f'{builder(name).__name__}({", ".join(given)})'


def options(function) -> list[str]:
  """Its options with their defaults, and the star before those of a name only.

  Example:
    >>> options(cells.elman().init)
    ['*', "scheme='orthogonal'", 'recurrent_scale=1.0']
  """
  taken = []
  for p in inspect.signature(function).parameters.values():
    if p.kind is p.KEYWORD_ONLY and '*' not in taken:
      taken.append('*')
    if p.default is not p.empty:
      taken.append(f'{p.name}={_value(p.default)}')
  return taken


def _value(value) -> str:
  if isinstance(value, float):
    value = round(value, 4)
  return getattr(value, '__name__', None) or repr(value)


def engines(cell: cells.Cell) -> list[str]:
  """Which engines serve a cell, wherever this page is printed."""
  return [
    engine
    for engine in recurrence.ENGINES
    if recurrence.refusal(cell, engine) is None
    or (engine == 'cudnn' and cudnn.is_plain_lstm(cell))
  ]


def _table(names) -> str:
  rows = [('cell', 'parameters', 'engines', 'who has it too'), ('---',) * 4]
  for name in names:
    cell, section = cells.CELLS[name](), builder(name).__name__
    link = f'[`{name}`](#{section})'
    served = ', '.join(engines(cell))
    rows.append((link, parameters.formula(cell), served, PEERS.get(name, '-')))
  return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _section(names: list[str]) -> str:
  """What there is to say of the cells of one builder."""
  build, cell = builder(names[0]), cells.CELLS[names[0]]()
  found = sections(build)
  path = build.__module__.replace('.', '/')
  made = ', '.join(f'`{name}` is `{call(name)}`' for name in names)
  parts = [f'## {build.__name__}', found['Summary']]
  parts += _blocks(found['Equation'])
  parts += [f'{made}, in [{path}.py](../{path}.py).']
  if taken := options(build):
    entries = re.split(r'\n(?=\S)', found.get('Args', ''))
    parts += [
      f'**Options**: `{build.__name__}({", ".join(taken)})`',
      '\n'.join(f'* {_one_line(entry)}' for entry in entries if entry),
    ]
  init = f'`init({", ".join(["key, x_t, H", *options(cell.init)])})`'
  # The docstring begins with the same call, less the defaults.
  rest = re.sub(r'^`init\([^`]*`', '', found.get('Initialisation', '.'))
  parts += [
    f'**Initialisation**: {init}{_one_line(rest)}',
    f'**Source**: {_one_line(found["Source"])}',
  ]
  return '\n\n'.join(part for part in parts if part)


def _blocks(text: str) -> list[str]:
  """Paragraphs; those that are indented are equations, and stay as they are."""
  return [
    f'```text\n{textwrap.dedent(block)}\n```'
    if block.startswith(' ')
    else _one_line(block)
    for block in text.split('\n\n')
  ]


def _one_line(text: str) -> str:
  return ' '.join(text.split())


def page() -> str:
  """The whole page, as Markdown."""
  groups = {}
  for name in sorted(cells.CELLS):
    groups.setdefault(builder(name), []).append(name)
  head = HEAD.format(activations=', '.join(cells.ACTIVATIONS))
  parts = [head, _table(sorted(cells.CELLS)), *map(_section, groups.values())]
  return '\n\n'.join(part.strip() for part in parts) + '\n'


if __name__ == '__main__':
  print(page(), end='')
