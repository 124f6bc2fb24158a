"""What a loader hands to a training step."""

from typing import Any, NamedTuple


class Batch(NamedTuple):
  """T steps of B sequences, time-major; every leaf is an array.

  Targets are of each step, or of each sequence as a whole. A step may be valid
  and weigh nothing: it carries the recurrence forward (and the gradient back)
  but is not scored. An invalid step always weighs nothing, and a row that only
  fills up the batch has no valid step and weighs nothing.
  """

  # [T, B] int32 tokens, [T, B, D] floating, or a NamedTuple of such; its class
  # names those that are [B, ...] in `without_time`.
  inputs: Any
  targets: Any  # [T, B] or [B] int32
  mask: Any  # [T, B] bool, True where the step is valid
  weights: Any  # as targets, float32: how much each loss counts
  resets: Any  # [T, B] bool, True on the first step of a document
