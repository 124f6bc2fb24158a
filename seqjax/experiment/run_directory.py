"""A run's directory: whose it is, what is in it, and who writes to it now."""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from seqjax import errors, files
from seqjax.experiment import config as configs
from seqjax.experiment import environment as environments
from seqjax.experiment import fields
from seqjax.experiment import lock as locks
from seqjax.training import logs

# What a run that ended before its first step may leave behind.
_TRACES = re.compile(r'lock|crash\.txt|\..*\.tmp')


class RunDirectory:
  """What one run wrote: config.json, metrics.jsonl, checkpoints, result.json.

  Attributes:
    path: the directory, which need not exist before `lock`.
  """

  def __init__(self, path: str | os.PathLike):
    self.path = pathlib.Path(path)
    self._prepared = None

  def __repr__(self) -> str:
    return f'RunDirectory({str(self.path)!r})'

  def lock(self) -> contextlib.AbstractContextManager[None]:
    """Makes the directory and keeps other processes from writing to it."""
    return locks.exclusive(self.path)

  def begun(self) -> bool:
    """Whether a run has left numbers here that other settings would mix with.

    One that failed earlier, as by a misspelt file name, may be put right.
    """
    return any(
      (self.path / name).exists() for name in ('metrics.jsonl', 'result.json')
    )

  def read(self) -> dict[str, Any] | None:
    """config.json, or None in a new directory.

    Its keys: 'experiment', the name; 'config', every field; 'environment', as
    it was when the run began; 'data_sha256', once it is known.
    """
    return self._read_json(
      'config.json',
      experiment=str,
      config=dict,
      environment=dict,
      data_sha256=str | None,
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
    self._check_directory()
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
          if declared[name].kind != 'runtime'
        }
      )
    except errors.UserError as error:
      raise errors.UserError(f'{self.path / "config.json"}: {error}') from None
    config = dataclasses.replace(saved, **typed)
    changed = [
      f'{name}: the run has {fields.shown(getattr(saved, name)) or "none"}, '
      f'the command says {fields.shown(getattr(config, name)) or "none"}'
      for name in typed
      if configs.kind(saved, name) == 'identity'
      and getattr(saved, name) != getattr(config, name)
    ]
    if changed:
      raise errors.UserError(
        f'{self.path} holds a run with other settings ({"; ".join(changed)}). '
        'Leave the flag out, or choose another --workdir.'
      )
    return config

  def prepare(self, config: configs.Config, experiment_name: str) -> None:
    """Keeps the config until `begin`: a refused command changes no file."""
    self._prepared = config, experiment_name

  def begin(self) -> None:
    """Writes config.json as prepared: from here on the run is not done."""
    if self._prepared is not None:
      self.save(*self._prepared)
      self.remove_result()
      self._prepared = None

  def steps_made(self) -> int:
    """The last step in metrics.jsonl, 0 without any."""
    path = self.path / 'metrics.jsonl'
    records = logs.read_metrics(path) if path.exists() else []
    return max((record['step'] for record in records), default=0)

  def save(self, config: configs.Config, experiment_name: str) -> None:
    """Writes config.json; once the run has begun, only what may be extended.

    Says in one line how the environment differs from the one it began in.
    """
    now = environments.environment()
    settings = dataclasses.asdict(config)
    record = self.read()
    if record is None or not self.begun():
      record = {
        'experiment': experiment_name,
        'config': settings,
        'environment': now,
        'data_sha256': None,
      }
    else:
      if changes := environments.changes(record['environment'], now):
        print(
          f'note: since this run began, {changes} has changed: the last digits '
          'may differ.'
        )
      record['config'] |= {
        name: value
        for name, value in settings.items()
        if configs.kind(config, name) == 'extendable'
      }
    self._write_json('config.json', record)

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
      self._write_json('config.json', {**record, 'data_sha256': sha256})

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
    return configs.digest(
      [record['experiment'], identity, record['data_sha256']]
    )

  def read_result(self) -> dict[str, Any] | None:
    """result.json: 'status', 'step', 'metrics'; None before the run is done."""
    result = self._read_json('result.json', status=str, step=int, metrics=dict)
    if result is not None:
      # 'nan' and 'inf' become numbers again.
      result['metrics'] = {
        name: float(x) if isinstance(x, str) else x
        for name, x in result['metrics'].items()
      }
    return result

  def write_result(self, step: int, metrics: Mapping[str, Any]) -> None:
    """Writes result.json, which says that the run is done. The last act.

    Args:
      step: updates made in all.
      metrics: name to number; JSON has no NaN, so it stands there as 'nan'.
    """
    numbers = {name: _number(name, metrics[name]) for name in sorted(metrics)}
    self._write_json(
      'result.json', {'status': 'done', 'step': step, 'metrics': numbers}
    )

  def remove_result(self) -> None:
    """The run goes on: it is no longer done."""
    (self.path / 'result.json').unlink(missing_ok=True)

  def _check_directory(self) -> None:
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

  def _read_json(self, name: str, **expected: Any) -> dict[str, Any] | None:
    path = self.path / name
    try:
      content = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
      return None
    except ValueError as error:
      raise errors.UserError(
        f'{path} is damaged ({error}). Restore it, or choose another --workdir.'
      ) from None
    for key, kind in expected.items():
      found = isinstance(content, dict) and key in content
      if not found or not isinstance(content[key], kind):
        raise errors.UserError(
          f"{path} is damaged: '{key}' is not right. Restore it, or choose "
          'another --workdir.'
        )
    return content

  def _write_json(self, name: str, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, allow_nan=False)
    files.atomic_write(self.path / name, f'{text}\n')


def resolve(
  config_class: type[configs.Config],
  typed: Mapping[str, Any],
  experiment_name: str,
) -> tuple[configs.Config, RunDirectory]:
  """The config and the directory that a command means. Writes nothing.

  Args:
    config_class: the experiment's.
    typed: the values of the flags that were typed.
    experiment_name: letters, digits, '.', '_' and '-'.

  Raises:
    UserError: as `RunDirectory.configure`.
  """
  if not re.fullmatch(r'[A-Za-z0-9_-][A-Za-z0-9._-]*', experiment_name):
    raise ValueError(
      f'experiment name {experiment_name!r}: expected letters, digits, '
      "'.', '_' and '-', with no '.' at the start."
    )
  if typed.get('workdir'):
    path = pathlib.Path(typed['workdir']).expanduser()
  else:
    path = pathlib.Path(
      'runs', experiment_name, configs.run_id(config_class(**typed))
    )
  run = RunDirectory(path)
  return run.configure(config_class, typed, experiment_name), run


def _number(name: str, value: Any) -> int | float | str:
  if isinstance(value, int):
    return int(value)
  if not hasattr(value, '__float__'):
    raise TypeError(f'metric {name}={value!r}: expected a number.')
  value = float(value)
  return value if math.isfinite(value) else str(value)
