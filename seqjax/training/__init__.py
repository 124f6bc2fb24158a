"""From a task to a trained model: steps, logs, checkpoints, one loop."""

from seqjax.training.evaluation import evaluate
from seqjax.training.loop import fit
from seqjax.training.optimizer import make as make_optimizer
from seqjax.training.plan import Plan
from seqjax.training.progress import quote
from seqjax.training.restoring import restore
from seqjax.training.state import TrainState
from seqjax.training.step import make_eval_step, make_train_step
from seqjax.training.tbptt import truncate

__all__ = [
  'Plan',
  'TrainState',
  'evaluate',
  'fit',
  'make_eval_step',
  'make_optimizer',
  'make_train_step',
  'quote',
  'restore',
  'truncate',
]
