"""A run's directory: whose it is, what is in it, and who writes to it now."""

import contextlib
import dataclasses
import functools
import itertools
import os
import pathlib
import re
import shutil
from collections.abc import Mapping
from typing import Any

from seqjax import errors
from seqjax.experiment import config as configs
from seqjax.experiment import environment as environments
from seqjax.experiment import fields, json_file, naming
from seqjax.experiment import lock as locks
from seqjax.training import initial, logs

# What is in the directory of a run before its first step, or of one that ended
# before it.
_TRACES = re.compile(
  rf'{re.escape(initial.NAME)}|lock|processes|(output|crash)\.txt|\..*\.tmp'
)


class RunDirectory:
  """What one run wrote: config.json, metrics.jsonl, checkpoints, result.json.

  Attributes:
    path: the directory, which need not exist before `lock`.
  """

  def __init__(self, path: str | os.PathLike):
    self.path = pathlib.Path(path)
    self._prepared = self._write_initial = None
    self._anew = False

  def __repr__(self) -> str:
    return f'RunDirectory({str(self.path)!r})'

  def lock(self) -> contextlib.AbstractContextManager[None]:
    """Makes the directory and keeps other processes from writing to it."""
    return locks.exclusive(self.path)

  def begun(self) -> bool:
    """Whether a run has left numbers here that other settings would mix with.

    One that failed earlier, as by a misspelt file name, may be put right; one
    that made no update may begin anew, from weights that were put here since.
    """
    names = 'metrics.jsonl', 'result.json'
    if self._anew or not any((self.path / name).exists() for name in names):
      return False
    found = initial.sha256(self.path)
    record = found and self.read()
    changed = record and record['initial_sha256'] != found
    return not changed or self.steps_made() > 0

  def check_directory(self) -> None:
    """Refuses what is no place for a run: a file, a directory of other things.

    Raises:
      UserError: it is one of these.
    """
    nearest = next(p for p in (self.path, *self.path.parents) if p.exists())
    if not nearest.is_dir():
      raise errors.UserError(
        f'--workdir={self.path}: {nearest} is a file. Choose a directory.'
      )
    if nearest != self.path or (self.path / 'config.json').exists():
      return
    strangers = [
      p.name for p in self.path.iterdir() if not _TRACES.fullmatch(p.name)
    ]
    if strangers:
      raise errors.UserError(
        f'{self.path} is no run directory: it holds {min(strangers)} and no '
        'config.json. Choose another --workdir.'
      )

  def read(self) -> dict[str, Any] | None:
    """config.json, or None in a new directory.

    Its keys: 'experiment', the name; 'config', the fields that are identity or
    extendable (older versions wrote all); 'environment', as it was when the run
    began; 'data_sha256', once it is known; 'initial_sha256' of the weights it
    began from, None where they were drawn.
    """
    return json_file.read(
      self.path / 'config.json',
      experiment=str,
      config=dict,
      environment=dict,
      data_sha256=str | None,
      initial_sha256=str | None,
    )

  def configure(
    self,
    config_class: type[configs.Config],
    typed: Mapping[str, Any],
    experiment_name: str,
  ) -> configs.Config:
    """The config of this run: default < config.json < typed flag.

    The config.json of a run that failed before it began counts for nothing: a
    corrected command would otherwise inherit the flag that was wrong.

    Raises:
      UserError: the directory is no run of this experiment, or a typed flag
        would make the run that has begun there another one.
    """
    self.check_directory()
    self._anew = False
    record = self.read()
    if record is None or not self.begun():
      return config_class(**typed)
    if record['experiment'] != experiment_name:
      raise errors.UserError(
        f'{self.path} holds a run of {record["experiment"]}, not of '
        f'{experiment_name}. Choose another --workdir.'
      )
    declared = fields.declared(config_class)
    if unknown := sorted(set(record['config']) - set(declared)):
      raise errors.UserError(
        f'{self.path / "config.json"} sets {", ".join(unknown)}, which '
        f'{experiment_name} does not have: it was written by another version. '
        'Choose another --workdir.'
      )
    try:
      saved = config_class(
        **{
          name: value
          for name, value in record['config'].items()
          if declared[name].kind not in ('runtime', 'measuring')
        }
      )
    except errors.UserError as error:
      raise errors.UserError(f'{self.path / "config.json"}: {error}') from None
    config = dataclasses.replace(saved, **typed)
    changed = [
      f'{name}: the run has {fields.shown(getattr(saved, name)) or "none"}, '
      f'the command says {fields.shown(getattr(config, name)) or "none"}'
      for name in typed
      if {configs.kind(saved, name), configs.kind(config, name)} == {'identity'}
      and getattr(saved, name) != getattr(config, name)
    ]
    if changed and config.mode == 'train' and self._is_done_without_update():
      self._anew = True
    elif changed:
      raise errors.UserError(
        f'{self.path} holds a run with other settings ({"; ".join(changed)}). '
        'Leave the flag out, or choose another --workdir.'
      )
    return config

  def _is_done_without_update(self) -> bool:
    """Whether only what a run would begin with was evaluated here."""
    result = self.read_result()
    return result is not None and result['step'] == self.steps_made() == 0

  def prepare(self, config: configs.Config, experiment_name: str) -> None:
    """Keeps the config until `begin`: a refused command changes no file."""
    self._prepared = config, experiment_name

  def prepare_initial(self, *content) -> None:
    """Keeps what `initial.write` is given until `begin`."""
    self._write_initial = functools.partial(initial.write, self.path, *content)

  def remove_taken_over(self) -> None:
    """Removes what `prepare_initial` left where a run was killed as it began.

    That is known by its hash; None stands there until it is whole.
    """
    record = self.read()
    if record and record['config'].get('init_from') and not self.begun():
      if record['initial_sha256'] in (None, initial.sha256(self.path)):
        (self.path / initial.NAME).unlink(missing_ok=True)

  def begin(self) -> None:
    """Writes config.json as prepared."""
    if self._prepared is not None:
      if not self.begun():
        # Of a run that made no update, and would be mixed with this one.
        step_0 = self.path / 'checkpoints' / '0'
        shutil.rmtree(step_0, ignore_errors=True)
        (self.path / 'metrics.jsonl').unlink(missing_ok=True)
        self.remove_result()
      self.save(*self._prepared)
      if self._write_initial is not None:
        self._write_initial()
        self.save(*self._prepared)  # The hash of what was written.
      self._prepared = self._write_initial = None

  def steps_made(self) -> int:
    """The last step in result.json and metrics.jsonl, of any fold too."""
    paths = self.path.glob('metrics.jsonl'), self.path.glob('folds/*/metrics.*')
    found = map(logs.read_metrics, itertools.chain(*paths))
    records = list(itertools.chain(*found))
    records.append(self.read_result() or {'step': 0})
    return max(record['step'] for record in records)

  def save(self, config: configs.Config, experiment_name: str) -> None:
    """Writes config.json; once the run has begun, only what may be extended.

    Says in one line how the environment differs from the one it began in.
    """
    now = environments.environment(config.num_devices)
    record = self.read()
    if record is None or not self.begun():
      record = {
        'experiment': experiment_name,
        'config': configs.settings(config, 'identity', 'extendable'),
        'environment': now,
        'data_sha256': None,
        'initial_sha256': initial.sha256(self.path),
      }
    else:
      if changes := environments.changes(record['environment'], now):
        print(
          f'note: since this run began, {changes} has changed: the last digits '
          'may differ.'
        )
      record['config'] |= configs.settings(config, 'extendable')
    json_file.write(self.path / 'config.json', record)

  def record_data(self, sha256: str) -> None:
    """Notes the hash of the data, or compares it with the one noted before.

    The last thing before training, when nothing is left to be refused: what
    main has prepared is written now.

    Raises:
      UserError: the run was trained on other data.
    """
    noted = (self.read() or {}).get('data_sha256') if self.begun() else None
    if noted not in (None, sha256):
      raise errors.UserError(
        f'{self.path} was trained on other data (sha256 {noted[:12]}) than '
        f'this (sha256 {sha256[:12]}). Bring the old data back, or choose '
        'another --workdir.'
      )
    self.begin()
    record = self.read()
    if record['data_sha256'] is None:
      record['data_sha256'] = sha256
      json_file.write(self.path / 'config.json', record)

  def fingerprint(self, config: configs.Config) -> str:
    """Hash of the settings and data that made this run, the same ever after.

    Ask after `record_data`. It comes from config.json, so that a default that
    a later version adds or changes leaves the checkpoints of an old run
    readable.
    """
    record = self.read()
    identity = {
      name: value
      for name, value in record['config'].items()
      if configs.kind(config, name) == 'identity'
    }
    made_of = [record['experiment'], identity, record['data_sha256']]
    if record['initial_sha256'] is not None:  # Else as before there were any.
      made_of.append(record['initial_sha256'])
    return naming.digest(made_of)

  def read_result(self) -> dict[str, Any] | None:
    """result.json, as `write_result`; None before the run is done."""
    path = self.path / 'result.json'
    kinds = {'status': str, 'step': int, 'metrics': dict}
    result = json_file.read(path, **kinds, measured_with=dict | None)
    if result is not None:
      result['metrics'] = json_file.numbers(path, result['metrics'])
    return result

  def write_result(self, step: int, metrics: Mapping, measured_with: Mapping):
    """Writes result.json, which says that the run is done. The last act.

    Args:
      step: updates made in all.
      metrics: name to number; JSON has no NaN, so it stands there as 'nan'.
      measured_with: the settings of the kind 'measuring'.
    """
    numbers = {
      name: json_file.number(name, metrics[name]) for name in sorted(metrics)
    }
    result = {'status': 'done', 'step': step, 'metrics': numbers}
    result['measured_with'] = dict(measured_with)
    json_file.write(self.path / 'result.json', result)

  def remove_result(self) -> None:
    """The run goes on: it is no longer done."""
    (self.path / 'result.json').unlink(missing_ok=True)
