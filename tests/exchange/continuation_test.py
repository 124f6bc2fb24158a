"""A language model trained here writes the same text in torch."""

import contextlib
import io
import json
import pathlib
import tempfile

import pytest
from absl.testing import absltest
from safetensors import numpy as safetensors

from experiments import char_lm
from seqjax import exchange, experiment
from seqjax.exchange import leaves
from seqjax.training import checkpoints

TEXT = 'the cat sat on the mat, and the dog ate the log of the frog.\n' * 40
FLAGS = (
  *('--text_file=text.txt', '--workdir=run', '--steps=300', '--eval_every=300'),
  *('--num_layers=2', '--hidden_size=32', '--embedding_size=8'),
  *('--update_every=32', '--batch_size=8', '--learning_rate=1e-2'),
)
PROMPT, LENGTH = 'the ', 200


def char_lm_says(*flags):
  out = io.StringIO()
  with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as end:
    experiment.main(
      char_lm.__doc__, 'char_lm', char_lm.Config, char_lm.MODES, flags
    )
  assert not end.value.code, out.getvalue()
  return out.getvalue()


def torch_says(torch, arrays, symbols):
  """The likeliest continuation of the prompt, symbol by symbol."""
  arrays = {name: torch.tensor(array) for name, array in arrays.items()}
  vocab_size, width = arrays['embedding.weight'].shape
  hidden_size = arrays['lstm.weight_hh_l0'].shape[1]
  model = torch.nn.ModuleDict(
    {
      'embedding': torch.nn.Embedding(vocab_size, width),
      'lstm': torch.nn.LSTM(width, hidden_size, num_layers=2),
      'linear': torch.nn.Linear(hidden_size, vocab_size),
    }
  )
  model.load_state_dict(arrays)
  text, state = PROMPT, None
  ids = [symbols.index(symbol) for symbol in PROMPT]
  for _ in range(LENGTH):
    with torch.no_grad():
      xs = model['embedding'](torch.tensor(ids)[:, None])
      ys, state = model['lstm'](xs, state)
      scores = model['linear'](ys[-1, 0])
    # The first symbol stands for unknown ones, and is never written.
    ids = [1 + int(scores[1:].argmax())]
    text += symbols[ids[0]]
  return text


class ContinuationTest(absltest.TestCase):
  @pytest.mark.slow
  def test_the_likeliest_text_is_the_same(self):
    torch = pytest.importorskip('torch')
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.enterContext(contextlib.chdir(folder))
    pathlib.Path('text.txt').write_text(TEXT)
    char_lm_says(*FLAGS)
    ours = char_lm_says(
      '--workdir=run',
      '--mode=sample',
      f'--prompt={PROMPT}',
      '--temperature=0',
      f'--length={LENGTH}',
    )
    _, state = checkpoints.Checkpoints(
      'run/checkpoints', fingerprint=None, read_only=True
    ).restore_leaves()
    params = {
      name.removeprefix('params/'): array
      for name, array in state.items()
      if name.startswith('params/')
    }
    network = leaves.to_network(params, 'lstm', {})
    safetensors.save_file(exchange.dump('torch', network), 'lm.safetensors')
    symbols = json.loads(pathlib.Path('run/vocabulary.json').read_text())
    theirs = torch_says(torch, safetensors.load_file('lm.safetensors'), symbols)
    self.assertEqual(ours.rstrip('\n'), theirs.rstrip('\n'))
    self.assertLen(theirs, len(PROMPT) + LENGTH)
    # It has learnt something, or every network would say the same.
    self.assertIn('cat sat', theirs)


if __name__ == '__main__':
  absltest.main()
