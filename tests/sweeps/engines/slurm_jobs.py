"""Jobs of submitit on this machine: `slurm_jobs.py MODE FOLDER`."""

import os
import pathlib
import signal
import subprocess
import sys
import time

from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import slurm

STEPS = 2000


def make_trial(folder):
  from experiments import char_lm

  text = folder / 'text.txt'
  text.write_text('the cat sat on the mat, and the dog ate the log.\n' * 40)
  settings = {
    'text_file': str(text),
    'steps': STEPS,
    'hidden_size': 8,
    'batch_size': 4,
    'eval_every': 100,
  }
  return trials.make(char_lm.Config, settings)


def make_engine(folder):
  return slurm.Slurm(engines.Job('char_lm', folder), 1, 'executor=local')


def await_steps(folder, trial):
  """Waits until it has trained for some updates."""
  path = folder / trial.name / 'metrics.jsonl'
  while not path.exists() or path.read_bytes().count(b'\n') < 4:
    time.sleep(0.1)
  return path.read_bytes()


def process(engine):
  """The one that trains: the child of the one that submitit began."""
  [job] = engine._under_way
  path = pathlib.Path('/proc', job.job_id, 'task', job.job_id, 'children')
  return int(path.read_text().split()[0])


def outcomes(engine, count=1):
  ended = []
  while len(ended) < count:
    ended += engine.wait()
  assert len(ended) == count
  return [outcome.status for _, outcome in ended]


def preempted(folder):
  """Goes on in the job that is queued again, to the end of one left alone."""
  trial = make_trial(folder)
  alone = folder / 'alone'
  alone.mkdir()
  with make_engine(alone) as engine:
    engine.submit([trial])
    assert outcomes(engine) == ['done']
  with make_engine(folder) as engine:
    engine.submit([trial])
    await_steps(folder, trial)
    before = process(engine)
    # SLURM says first that the end is near, then that this is it.
    os.kill(before, signal.SIGTERM)
    time.sleep(1)
    os.kill(before, signal.SIGUSR2)
    assert outcomes(engine) == ['done']
  [log] = (folder / 'jobs').glob('*_log.out')
  assert log.read_text().count('Requeued') == 1
  said = (folder / trial.name / 'output.txt').read_text()
  assert 'Going on from step' in said, said
  read = lambda folder: (folder / trial.name / 'metrics.jsonl').read_bytes()
  assert read(folder) == read(alone)


def lost(folder):
  trial = make_trial(folder)
  with make_engine(folder) as engine:
    engine.submit([trial])
    await_steps(folder, trial)
    os.kill(process(engine), signal.SIGKILL)
    assert outcomes(engine) == ['lost']
    engine.submit([trial])
    assert outcomes(engine) == ['done']


def left(folder):
  """The driver is killed; the next one ends what it left, and goes on."""
  trial = make_trial(folder)
  driver = subprocess.Popen([sys.executable, __file__, 'driver', folder])
  await_steps(folder, trial)
  driver.kill()
  driver.wait()
  assert slurm._processes(folder / 'jobs')
  with make_engine(folder) as engine:
    assert not slurm._processes(folder / 'jobs')
    engine.submit([trial])
    assert outcomes(engine) == ['done']


def driver(folder):
  with make_engine(folder) as engine:
    engine.submit([make_trial(folder)])
    outcomes(engine)


if __name__ == '__main__':
  mode, folder = sys.argv[1:]
  modes = {'preempted': preempted, 'lost': lost, 'left': left}
  (modes | {'driver': driver})[mode](pathlib.Path(folder))
  print(f'{mode}: as it should be')
