"""What a run computes on, which its settings do not say."""

import dataclasses

from seqjax.experiment import fields


def _field(default, help, **limits):
  return fields.field(default, help, group='machine', kind='runtime', **limits)


@dataclasses.dataclass(frozen=True)
class Machine:
  """Devices and processes; they change no number but in its last digits."""

  num_devices: int = _field(
    0,
    'devices of each process that share a batch; 0 takes every accelerator, or '
    'the CPU as one',
    minimum=0,
    maximum=2**12,
  )
  coordinator: str = _field(
    '',
    'of several processes: host:port where process 0 listens, in a private '
    'network',
  )
  num_processes: int = _field(
    1, 'processes that train as one', minimum=1, maximum=2**12
  )
  process_id: int = _field(
    0,
    'which of them this is, from 0; each but 0 writes into '
    '<workdir>/processes/<id>',
    minimum=0,
  )
