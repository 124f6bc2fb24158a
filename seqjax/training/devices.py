"""Where arrays lie: rows of a batch over the devices, all else on each of them.

The step is the same function for any number of devices: the compiler splits it
as its arguments lie, and adds up gradients over the devices. Of several
processes each makes the whole batch, which is a function of its index, and puts
its own rows on its own devices.
"""

from typing import Any

import jax
import numpy as np

from seqjax import errors
from seqjax.data import batch as batch_lib
from seqjax.training import state as state_lib


def split_cpu(num_devices: int) -> None:
  """Lets the CPU count as so many devices; before the first use of any."""
  if num_devices > 1:
    jax.config.update('jax_num_cpu_devices', num_devices)


def count(num_devices: int = 0) -> int:
  """How many devices of this process are used.

  Args:
    num_devices: so many; 0 takes every accelerator, or one CPU.

  Raises:
    UserError: there are not so many.
  """
  available = jax.local_device_count()
  if num_devices > available:
    raise errors.UserError(
      f'--num_devices={num_devices}: this machine has {available} of the kind '
      f'{jax.default_backend()}.'
    )
  return num_devices or (1 if jax.default_backend() == 'cpu' else available)


class Placement:
  """Puts batches and states on devices; with one, leaves them as they are.

  Args:
    num_devices: of each process, as of `count`.

  Attributes:
    num_devices: of all processes together.
    out_shardings: of `make_train_step`: a state comes back as it went in, or
      the next step would be compiled again.

  Raises:
    UserError: there are not so many.

  Example:
    >>> Placement(1).state('a state on one device')
    'a state on one device'
  """

  def __init__(self, num_devices: int = 0):
    mine = count(num_devices)
    devices = [
      device
      for process in range(jax.process_count())
      for device in jax.local_devices(process)[:mine]
    ]
    self.num_devices = len(devices)
    mesh = jax.sharding.Mesh(np.array(devices), 'data')
    self._whole, *self._split = (
      jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))
      for axes in ((), ('data',), (None, 'data'))
    )
    self.out_shardings = None
    if self.num_devices > 1:
      self.out_shardings = self._of_state, self._whole, self._whole

  @property
  def _of_state(self):
    fields = dict.fromkeys(state_lib.TrainState._fields, self._whole)
    return state_lib.TrainState(**fields | {'carry': self._split[0]})

  def batch(self, batch: batch_lib.Batch) -> batch_lib.Batch:
    """The batch with its rows split over the devices, as `check` asks."""
    if self.num_devices == 1:
      return batch
    self.check(batch)
    return jax.tree.map(
      lambda x, axis: _put(x, self._split[axis]), batch, row_axes(batch)
    )

  def check(self, batch: batch_lib.Batch) -> None:
    """Refuses rows that cannot be split into equal parts.

    Raises:
      UserError: so it is.
    """
    batch_size = batch.mask.shape[1]
    if batch_size % self.num_devices:
      raise errors.UserError(
        f'Batches of {batch_size} sequences cannot be split equally over '
        f'{self.num_devices} devices. Choose another --batch_size, or '
        '--num_devices.'
      )

  def state(self, state: state_lib.TrainState) -> state_lib.TrainState:
    """The state with its carry split by rows, and the rest on every device.

    Args:
      state: the same in every process, as NumPy arrays or on one device.
    """
    if self.num_devices == 1:
      return state
    put = lambda sharding, tree: jax.tree.map(lambda x: _put(x, sharding), tree)
    return jax.tree.map(put, self._of_state, state)

  def params(self, state: state_lib.TrainState) -> Any:
    """The parameters on one device, for what looks at them alone."""
    return local(state.params) if self.num_devices > 1 else state.params

  def fetch(self, state: state_lib.TrainState) -> state_lib.TrainState:
    """The whole state as NumPy arrays; every process must ask at once.

    They may be views of the device's own memory: copy what is kept for longer
    than the state is.
    """
    if jax.process_count() > 1:
      carry = jax.jit(lambda x: x, out_shardings=self._whole)(state.carry)
      state = local(state._replace(carry=carry))
    return jax.device_get(state)


def row_axes(batch: batch_lib.Batch) -> batch_lib.Batch:
  """The axis of each leaf that counts the rows of the batch.

  It is the second, after time, but of vectors, and of inputs that their class
  names in `without_time`.
  """
  axes = jax.tree.map(lambda x: min(x.ndim - 1, 1), batch)
  first = dict.fromkeys(getattr(batch.inputs, 'without_time', ()), 0)
  if not first:
    return axes
  return axes._replace(inputs=axes.inputs._replace(**first))


def local(tree: Any) -> Any:
  """What lies whole on every device, of one of this process alone."""
  return jax.tree.map(lambda x: x.addressable_data(0), tree)


def _put(x, sharding):
  x = np.asarray(x)
  return jax.make_array_from_callback(x.shape, sharding, x.__getitem__)
