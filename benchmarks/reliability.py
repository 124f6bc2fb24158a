"""Kills a training run again and again: does it end where it should have?

  ./launch.sh bench reliability [--kills=20] [--steps=400] [--seed=0]

One run of char_lm is left alone. Another, in a directory of its own, gets a
SIGKILL at a random moment of its start, its steps, its evaluations or its
saves, and then the same command again, until it has had all its kills and may
finish. Every byte of metrics.jsonl, of the samples and of result.json, and the
SHA-256 of every array of the final state, must be those of the first run.
"""

import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

# What must agree. The metadata of a checkpoint holds the SHA-256 of its arrays.
COMPARED = (
  'metrics.jsonl',
  'samples/*',
  'result.json',
  'checkpoints/*/meta/metadata',
)


def command(workdir, steps):
  return [
    sys.executable,
    '-m',
    'experiments.char_lm',
    f'--workdir={workdir}',
    f'--steps={steps}',
    '--eval_every=100',
    '--checkpoint_every=20',
    '--dropout_rate=0.1',
    '--length=50',
  ]


def unbroken(workdir, steps) -> float:
  """Runs to the end; the seconds that it took."""
  start = time.monotonic()
  subprocess.run(command(workdir, steps), check=True, stdout=subprocess.DEVNULL)
  return time.monotonic() - start


def killed(workdir, steps, kills, rng) -> int:
  """Runs with kills until it is done; how many of them met a live process."""
  for hits in range(kills):
    process = subprocess.Popen(
      command(workdir, steps), stdout=subprocess.DEVNULL
    )
    if rng.random() < 0.25:
      time.sleep(rng.uniform(0.1, 5))  # Somewhere in its start.
    else:
      # Some steps on, and then at any instant of step, save or evaluation.
      target = last_step(workdir) + rng.uniform(0, steps / kills)
      while last_step(workdir) < target and process.poll() is None:
        time.sleep(0.01)
      time.sleep(rng.uniform(0, 0.3))
    if process.poll() is not None:
      return hits  # It finished before its kill.
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f'kill {hits + 1}: after step {last_step(workdir)}', flush=True)
  subprocess.run(command(workdir, steps), check=True, stdout=subprocess.DEVNULL)
  return kills


def last_step(workdir) -> int:
  """The last step that metrics.jsonl tells of, -1 without any."""
  path = pathlib.Path(workdir, 'metrics.jsonl')
  lines = path.read_text().split('\n')[:-1] if path.exists() else []
  return json.loads(lines[-1])['step'] if lines else -1


def contents(workdir) -> dict[str, bytes]:
  return {
    str(path.relative_to(workdir)): path.read_bytes()
    for pattern in COMPARED
    for path in sorted(pathlib.Path(workdir).glob(pattern))
  }


def main():
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--kills', type=int, default=20)
  parser.add_argument('--steps', type=int, default=400)
  parser.add_argument('--seed', type=int, default=0)
  options = parser.parse_args()
  rng = random.Random(options.seed)
  with tempfile.TemporaryDirectory() as folder:
    # Under one name, so that both runs write the same bytes if all is well.
    whole, broken = (pathlib.Path(folder, side, 'run') for side in 'ab')
    seconds = unbroken(whole, options.steps)
    print(f'unbroken: {seconds:.1f} s for {options.steps} steps')
    hits = killed(broken, options.steps, options.kills, rng)
    expected, found = contents(whole), contents(broken)
  wrong = sorted(
    name
    for name in expected.keys() | found.keys()
    if expected.get(name) != found.get(name)
  )
  for name in wrong:
    print(f'differs: {name}')
  lines = expected['metrics.jsonl'].count(b'\n')
  print(
    f'{hits} kills; {len(expected)} files and {lines} lines of metrics '
    f'compared, {len(wrong)} files differ'
  )
  sys.exit(1 if wrong else 0)


if __name__ == '__main__':
  main()
