"""The next frame of notes, given all before it."""

import flax.linen as nn
import jax.numpy as jnp

from seqjax import layers, losses
from seqjax.models import next_step
from seqjax.models import task as task_lib

step = next_step.step


class FrameModel(nn.Module):
  """Recurrent stack over frames, and a score for every note of the next one.

    h_t = recurrent(frame_t, h_tm1)
    p(note k in frame_tp1 | frames up to t) = sigmoid(w_k h_t + b_k)

  Given all frames up to t, the notes of the next are independent of each other.
  Dropout stands where `next_step.scores` has it, but not on the frames: without
  half of its notes, a chord is another chord.

  Attributes:
    num_notes: D, the width of a frame.
    recurrent: a `layers.Recurrent` in one direction.

  Raises:
    UserError: a bidirectional or reverse `recurrent`, which would read the
      answer.

  Source: the recurrent networks of Chung et al. (2014), arXiv:1412.3555.
  """

  num_notes: int
  recurrent: layers.Recurrent

  def __post_init__(self):
    next_step.check(self.recurrent)
    super().__post_init__()

  @nn.compact
  def __call__(self, frames, carry=None, **options):
    """Scores the notes of the frame after each one.

    Args:
      frames: [T, B, D], 0 or 1, of any type.
      carry: what the previous window returned; None begins a piece.
      **options: of `next_step.scores`: mask, resets, key, dropout_rate, rates.

    Returns:
      logits [T, B, D], and the carry after the last frame.
    """
    xs = jnp.asarray(frames, jnp.float32)
    return next_step.scores(
      self, xs, carry, self.num_notes, drops_inputs=False, **options
    )


def carry(model: FrameModel):
  """(params, batch_size) -> the carry before a piece."""
  return next_step.carry(model, shape=(model.num_notes,))


@task_lib.shared
def task(model: FrameModel) -> task_lib.Task:
  """The model with cross-entropy in nats per frame, summed over its notes.

  A batch holds whole pieces, so that nothing is carried from one to another. Of
  hparams it reads what `next_step.loss` does.
  """
  of_pieces = next_step.loss(model, losses.binary_cross_entropy, 'frame')

  def loss(params, carry, batch, key, hparams):
    total, aux = of_pieces(params, None, batch, key, hparams)
    return total, aux._replace(carry=carry)

  return task_lib.Task(
    init=lambda key, batch: model.init(key, batch.inputs[:1]),
    loss=loss,
    carry=lambda params, batch_size: (),
  )
