"""What to train, on what, and how long."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.models import task as task_lib
from seqjax.training import optimizer as optimizer_lib
from seqjax.training import state as state_lib


@dataclasses.dataclass(frozen=True)
class Plan:
  """What `fit` needs.

  Attributes:
    task: the model and its loss.
    optimizer: moves the parameters.
    batches: index -> Batch, a pure function of the index.
    hparams: numbers of the step: learning_rate, clip_norm, dropout_rate, ...
    steps: updates in all; 0 saves and evaluates what the run begins with.
    seed: of initialisation and dropout.
    evaluate: params -> metrics with the split in their names; called at step 0,
      every `eval_every` steps and at the end.
    demonstrate: (step, params) -> text to show after each evaluation, such as a
      sample; None shows nothing.
    eval_every, checkpoint_every: in updates.
    fingerprint: names config and data; a checkpoint of another is refused.
    best: of the metrics of `evaluate`, the one whose best value keeps its
      parameters, as in 'valid/accuracy'; '' keeps none.
    higher_is_better: as of an accuracy; else as of a loss.
    checkpoint: what `restore` reads, 'latest' or 'best'.
    unit: what the weight of a batch counts, in the plural: 'chars'.
    programs: how often the step may be compiled, once for each shape of a
      batch, before the loop says that it was; None never does.
    num_devices: of this process that share each batch; 0 takes every
      accelerator, or one CPU.
    begin: is called when nothing is left to be refused, before what the run
      has written is changed.
    command: continues the run, as a person types it.
    debug_nans: train nothing; repeat the step whose numbers last went bad, and
      raise where the first one does.
  """

  task: task_lib.Task
  optimizer: optimizer_lib.Optimizer
  batches: Callable[[int], Any]
  hparams: dict[str, float]
  steps: int
  seed: int
  eval_every: int
  checkpoint_every: int
  fingerprint: str
  best: str = ''
  higher_is_better: bool = False
  checkpoint: str = 'latest'
  unit: str = 'steps'
  programs: int | None = None
  num_devices: int = 1
  begin: Callable[[], None] = lambda: None
  command: str = ''
  debug_nans: bool = False
  evaluate: Callable[[Any], dict[str, float]] = lambda params: {}
  demonstrate: Callable[[int, Any], str] | None = None

  def initial(self, params: Any = None) -> state_lib.TrainState:
    """The state before the first step; `params` as of `state.create`."""
    return state_lib.create(
      self.task, self.optimizer, self.batches(0), jnp.uint32(self.seed), params
    )

  def arrays(self) -> dict[str, jax.Array]:
    """The numbers of the step, and the seed, as it takes them."""
    numbers = {name: jnp.float32(x) for name, x in self.hparams.items()}
    return numbers | {'seed': jnp.uint32(self.seed)}

  def check_steps(self, made: int) -> None:
    """Refuses a run that has made more updates than are asked for.

    Raises:
      UserError: it has.
    """
    if made > self.steps:
      raise errors.UserError(
        f'This run has made {made:,} updates already, more than --steps='
        f'{self.steps}. Ask for more, or for another --workdir.'
      )

  def is_anchor(self, step: int) -> bool:
    """Whether the state after a step is saved whatever the clock says.

    Where its numbers are good, a roll-back may lead to it.
    """
    return step % self.eval_every == 0 or step % self.checkpoint_every == 0
