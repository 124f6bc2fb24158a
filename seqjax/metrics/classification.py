"""What is read off the classes that a model chose."""

import numpy as np


def classification(probabilities, targets) -> dict[str, float]:
  """What is read off predictions that have been collected.

  Args:
    probabilities: [N, K].
    targets: [N] integers in [0, K).

  Returns:
    accuracy; f1_macro, the mean F1 of the labels that occur among targets or
    predictions; nats_per_sequence.

  >>> classification([[0.9, 0.1], [0.6, 0.4]], [0, 1])['accuracy']
  0.5
  """
  from sklearn import metrics

  probabilities = np.asarray(probabilities, np.float64)
  targets = np.asarray(targets)
  predicted = probabilities.argmax(axis=1)
  of_target = np.take_along_axis(probabilities, targets[:, None], axis=1)
  # The least that float32 holds: a certain mistake costs 87 nats, not infinity.
  of_target = np.maximum(of_target, np.finfo(np.float32).tiny)
  f1 = metrics.f1_score(targets, predicted, average='macro', zero_division=0)
  return {
    'accuracy': float(np.mean(predicted == targets)),
    'f1_macro': float(f1),
    'nats_per_sequence': float(-np.log(of_target).mean()),
  }


def confusion(targets, predicted, num_classes: int) -> np.ndarray:
  """How often each label was taken for which: [true, predicted] counts.

  >>> confusion([0, 1, 1], [0, 0, 1], 2)
  array([[1, 0],
         [1, 1]])
  """
  pairs = np.asarray(targets) * num_classes + np.asarray(predicted)
  counts = np.bincount(pairs, minlength=num_classes**2)
  return counts.reshape(num_classes, num_classes)
