"""Damages a checkpoint in every way that we know: is it ever believed?

Each file of the newest checkpoint, of two experiments, is damaged in a copy,
which is then restored. What comes back must be, bit for bit, the newest state
(the damage met what means nothing) or the one before it (which must be said);
or a sentence says that there is none. Anything else is silent, and wrong.
"""

import collections
import json
import pathlib
import random
import shutil
import tempfile
from collections.abc import Callable

import numpy as np

from benchmarks import _small_runs
from seqjax import errors
from seqjax.training import checkpoints as checkpoints_lib

_FLIPS = 8  # bits of each file, one at a time
_LARGE = ('state/checkpoint/0', 'meta/metadata')
_OUTCOMES = ('unharmed', 'one before', 'explained', 'silent')


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each kind of damage, and what was wrong."""
  rng = random.Random(options.seed)
  names = ('char_lm', 'sentiment')[: 1 if options.short else None]
  flips = 1 if options.short else _FLIPS
  counts, wrong = collections.defaultdict(collections.Counter), []
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    _small_runs.write_files(folder)
    for name in names:
      whole = folder / 'whole' / name
      whole.parent.mkdir(exist_ok=True)
      _small_runs.whole(name, whole)
      states, fingerprint = _read(whole / 'checkpoints')
      cases = [
        (kind, file, damage, _restored)
        for kind, file, damage in _damages(whole / 'checkpoints', rng, flips)
      ]
      if not options.short:
        # All of the program, on the largest file and on what describes it.
        cases += [
          (f'{kind}, program', file, _WHOLE_FILES[kind], _gone_on)
          for kind in ('cut in half', 'deleted')
          for file in (f'{max(states)}/{x}' for x in _LARGE)
        ]
      for kind, file, damage, look in cases:
        copy = folder / 'copy' / name
        shutil.copytree(whole, copy)
        damage(copy / 'checkpoints' / file)
        outcome = look(copy, whole, states, fingerprint)
        shutil.rmtree(copy)
        counts[kind][outcome] += 1
        if outcome == 'silent':
          wrong.append(f'{name}, {file}: {kind}')
  total = sum(sum(found.values()) for found in counts.values())
  print(f'{total} cases, {sum(x["silent"] for x in counts.values())} silent')
  return [
    {'damage': kind, 'cases': sum(found.values())}
    | {outcome: found[outcome] for outcome in _OUTCOMES}
    for kind, found in counts.items()
  ], wrong


def flip(path: pathlib.Path, bit: int) -> None:
  """Changes one bit of a file.

  >>> with tempfile.TemporaryDirectory() as folder:
  ...   path = pathlib.Path(folder, 'a')
  ...   _ = path.write_bytes(b'ab')
  ...   flip(path, 9)
  ...   path.read_bytes()
  b'a`'
  """
  content = bytearray(path.read_bytes())
  content[bit // 8] ^= 1 << bit % 8
  path.write_bytes(content)


_WHOLE_FILES: dict[str, Callable[[pathlib.Path], None]] = {
  'truncated': lambda x: x.write_bytes(x.read_bytes()[:-1]),
  'cut in half': lambda x: x.write_bytes(
    x.read_bytes()[: x.stat().st_size // 2]
  ),
  'emptied': lambda x: x.write_bytes(b''),
  'zeroed': lambda x: x.write_bytes(bytes(x.stat().st_size)),
  'deleted': lambda x: x.unlink(),
}


def _damages(checkpoints, rng, flips):
  """(kind, file, path -> None) of each damage to the newest step."""
  newest = max(int(path.name) for path in checkpoints.iterdir())
  for path in sorted((checkpoints / str(newest)).rglob('*')):
    if not path.is_file():
      continue
    file, size = path.relative_to(checkpoints), path.stat().st_size
    for kind, damage in _WHOLE_FILES.items():
      yield kind, file, damage
    for bit in rng.sample(range(8 * size), min(flips, 8 * size)):
      yield 'one bit flipped', file, lambda x, bit=bit: flip(x, bit)
  yield 'metadata of all steps zeroed', '.', _zero_all_metadata


def _zero_all_metadata(checkpoints):
  for path in checkpoints.glob('*/meta/metadata'):
    _WHOLE_FILES['zeroed'](path)


def _read(checkpoints) -> tuple[dict[int, dict[str, np.ndarray]], str]:
  """What each step holds, and the fingerprint of all."""
  states = {}
  with tempfile.TemporaryDirectory() as folder:
    copy = pathlib.Path(folder, 'copy')
    shutil.copytree(checkpoints, copy)
    meta = json.loads(next(copy.glob('*/meta/metadata')).read_text())
    reader = checkpoints_lib.Checkpoints(copy, fingerprint='')
    while reader.latest_step() is not None:
      step, states[step] = reader.restore_leaves()
      reader.discard_after(step - 1)
    reader.close()
  return states, meta['content']['fingerprint']


def _restored(run, whole, states, fingerprint) -> str:
  """What a restore of damaged checkpoints does."""
  del whole
  said = []
  reader = checkpoints_lib.Checkpoints(
    run / 'checkpoints', fingerprint=fingerprint, report=said.append
  )
  try:
    step, found = reader.restore(states[max(states)]) or (None, {})
  except errors.UserError:
    return 'explained'
  finally:
    reader.close()
  expected = states.get(step, {})
  same = expected.keys() == found.keys() and all(
    expected[name].dtype == found[name].dtype
    and expected[name].tobytes() == found[name].tobytes()
    for name in found
  )
  if found and same and step == max(states):
    return 'unharmed'
  return 'one before' if found and same and said else 'silent'


def _gone_on(run, whole, states, fingerprint) -> str:
  """What a run does that goes on from damaged checkpoints, to its end."""
  del states, fingerprint
  (run / 'result.json').unlink()  # Else it is done, and reads nothing.
  code, out, err = _small_runs.finish(run.name, run)
  if code:
    return 'explained' if code == 1 and err.startswith('error: ') else 'silent'
  differ = _small_runs.differences(*map(_small_runs.contents, (whole, run)))
  return 'one before' if ' is damaged; ' in out and not differ else 'silent'
