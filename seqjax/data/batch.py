"""What a loader hands to a training step."""

from typing import Any, NamedTuple


class Batch(NamedTuple):
  """T steps of B sequences, time-major; every leaf is an array.

  A step may be valid and weigh nothing: it carries the recurrence forward (and
  the gradient back) but is not scored. An invalid step always weighs nothing.
  """

  inputs: Any  # [T, B] int32 tokens, or [T, B, D] floating
  targets: Any  # [T, B] int32
  mask: Any  # [T, B] bool, True where the step is valid
  weights: Any  # [T, B] float32, weight of each step's loss
  resets: Any  # [T, B] bool, True on the first step of a document
