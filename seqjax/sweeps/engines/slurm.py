"""SLURM: each group of trials is a job, submitted by submitit.

A job that is preempted, or comes to the end of its time, saves what is under
way and is queued again; there it goes on from what was saved.
"""

import contextlib
import getpass
import hashlib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from seqjax import errors
from seqjax.sweeps import engines, worker
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import groups, slurm_job

PLACES = 16
MINUTES = 60  # of a job, where --slurm does not say
# Seconds that jobs have to end.
GRACE = 120
# Seconds between questions that SLURM does not answer: it may be started anew.
PAUSES = 5, 10, 20, 40, 80
# Where jobs run, and the name there of what --slurm calls time.
_EXECUTORS = {'local': 'timeout_min', 'slurm': 'time'}
_LISTS = 'setup', 'teardown', 'srun_args'


class Slurm:
  """Trials as jobs of SLURM.

  Args:
    job: of the sweep; its directory is the same one on every node. What
      submitit writes goes into `jobs` in it.
    places: jobs at a time, queued or running; 0 is 16 of them.
    options: of each job, as in 'partition=gpu,time=60'; see `parse`. With
      executor=local jobs are processes of this machine, for a look at what
      would happen.

  Raises:
    UserError: submitit or SLURM is not here, or there is no such option.
  """

  def __init__(self, job: engines.Job, places: int = 0, options: str = ''):
    self._job, self._places = job, places or PLACES
    self._folder = job.directory / 'jobs'
    self._submitit = slurm_job.library()
    given = parse(options)
    executor = given.pop('executor', 'slurm')
    self._is_local = executor == 'local'
    # By it an earlier start's are known.
    self._name = (
      f'seqjax-{hashlib.sha256(bytes(self._folder)).hexdigest()[:12]}'
    )
    self._executor = self._make_executor(executor, given)
    self._under_way = {}  # by submitit's job

  def __enter__(self):
    """Ends what an earlier start of this sweep has left behind.

    Raises:
      UserError: it does not end.
    """
    if left := self._end_all():
      raise errors.UserError(
        f'An earlier start of this sweep still runs ({" ".join(left)}). End '
        'it, or wait until it has ended.'
      )
    return self

  def __exit__(self, *_):
    if self._under_way:
      self._end_all()

  def free(self) -> int:
    return max(0, self._places - len(self._under_way))

  def submit(self, group: Sequence[trials.Trial]) -> None:
    """As of `engines.Engine`.

    Raises:
      UserError: SLURM refused the job.
    """
    what = slurm_job.SlurmJob(worker.run, self._job, tuple(group))
    try:
      self._under_way[self._executor.submit(what)] = group
    except self._submitit.core.utils.FailedJobError as error:
      raise errors.UserError(
        f'SLURM refused the job: {str(error).strip()}. Mend --slurm.'
      ) from None

  def wait(self) -> groups.Ended:
    time.sleep(1)
    # First who is there: a job writes its result before it goes.
    there = self._there()
    done = [
      job
      for job in self._under_way
      if job.paths.result_pickle.exists() or job.job_id not in there
    ]
    return [
      each for job in done for each in self._read(job, self._under_way.pop(job))
    ]

  def _read(self, job, group) -> groups.Ended:
    """How the trials of a job ended, whose end is known."""
    log = job.paths.stderr
    ended, why = [], f'job {job.job_id} ended without a result; see {log}'
    # Not `job.result()` at once: it would wait for the file.
    if job.paths.result_pickle.exists():
      try:
        ended = job.result()
      except self._submitit.core.utils.UncompletedJobError:
        why = f'job {job.job_id} failed; see {log}'
    return groups.complete(group, ended, why)

  def _make_executor(self, name: str, options: Mapping[str, Any]):
    if name not in _EXECUTORS:
      raise errors.unknown('executor', name, _EXECUTORS)
    # As this process was started: a folder of the caller's is no package.
    safe = ['-P'] if sys.flags.safe_path else []
    python = shlex.join([sys.executable, *safe])
    if self._is_local:
      executor = self._submitit.LocalExecutor(self._folder, python=python)
      known = {'time', 'signal_delay_s', 'gpus_per_node'}
    else:
      try:
        executor = self._submitit.SlurmExecutor(self._folder, python=python)
      except RuntimeError:
        raise errors.UserError(
          '--engine=slurm: there is no SLURM here (srun is not found). Begin '
          'on a node of the cluster, or try --slurm=executor=local.'
        ) from None
      # What is left out is ours to say, or no text.
      known = executor._valid_parameters() - {
        'additional_parameters',
        'array_parallelism',
        'job_name',
        'num_gpus',
      }
    for option in options:
      if option not in known:
        raise errors.unknown('option in --slurm', option, known)
    minutes = options.get('time', MINUTES)
    if type(minutes) is not int or minutes < 1:
      raise errors.UserError(
        f'--slurm=time={minutes}: expected minutes, as in time=90.'
      )
    said = {x: value for x, value in options.items() if x != 'time'}
    said[_EXECUTORS[name]] = minutes
    if not self._is_local:
      said |= {
        'job_name': self._name,
        'additional_parameters': {'requeue': True},
      }
    executor.update_parameters(**said)
    return executor

  def _end_all(self) -> Sequence[str]:
    """Ends all jobs of this sweep, whoever began them; those that are left."""
    end = time.monotonic() + GRACE
    for job_id in self._there():
      if self._is_local:
        with contextlib.suppress(ProcessLookupError):
          os.kill(int(job_id), signal.SIGINT)
      else:
        subprocess.run(['scancel', job_id])
    while (there := self._there()) and time.monotonic() < end:
      time.sleep(1)
    return sorted(there)

  def _there(self) -> Collection[str]:
    """Ids of the jobs of this sweep that are queued or running."""
    if self._is_local:
      return _processes(self._folder)
    # sacct, which submitit would ask, is not everywhere.
    mine = f'--user={getpass.getuser()}', f'--name={self._name}'
    command = ['squeue', '--noheader', '--format=%A', *mine]
    for pause in (*PAUSES, None):
      asked = subprocess.run(command, capture_output=True, text=True)
      if not asked.returncode:
        return asked.stdout.split()
      if pause:
        time.sleep(pause)
    raise errors.TryAgain(
      f'SLURM does not answer: {asked.stderr.strip()}. Jobs go on; the same '
      'command takes them up.'
    )


def _processes(folder: pathlib.Path) -> list[str]:
  """Ids of the processes that submitit began in a folder, as jobs."""
  found = []
  for path in folder.glob('*_submitted.pkl'):
    process = path.name.split('_')[0]
    # No file, no process; what has ended has an empty one.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
      words = (
        pathlib.Path('/proc', process, 'cmdline').read_bytes().split(b'\0')
      )
      if words[2:4] == [b'submitit.local._local', bytes(folder)]:
        found.append(process)
  return found


def parse(text: str) -> dict[str, Any]:
  """The options of a job in 'partition=gpu,time=60'.

  They are those of sbatch with '_' for '-'; `time` is in minutes. A comma that
  no name follows is part of a value.

  Raises:
    UserError: an option has no value.

  Example:
    >>> parse('time=60,nodelist=n1,n2,exclusive=true')
    {'time': 60, 'nodelist': 'n1,n2', 'exclusive': True}
  """
  options = {}
  for part in re.split(r',(?=\w+=)', text) if text else ():
    name, equals, value = part.partition('=')
    if not equals or not value:
      raise errors.UserError(
        f'--slurm={text}: expected name=value and commas between, as in '
        'partition=gpu,time=60.'
      )
    options[name] = _typed(name, value)
  return options


def _typed(name: str, value: str):
  if name in _LISTS:
    return [value]
  if value.isdecimal():
    return int(value)
  return {'true': True, 'false': False}.get(value, value)
