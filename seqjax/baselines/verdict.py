"""What a score says beside those of simple predictors."""


def verdict(
  score: float, known: dict[str, float], higher_is_better: bool = False
) -> str:
  """Which predictors a score beats.

  Args:
    score: of the model.
    known: name of a predictor -> its score.
    higher_is_better: as of an accuracy; else as of a loss.

  >>> verdict(2.0, {'1-gram': 4.5, '2-gram': 3.25, '3-gram': 1.875})
  'beats the 2-gram (3.250), not yet the 3-gram (1.875)'
  >>> verdict(0.9, {'majority': 0.5}, higher_is_better=True)
  'beats the majority (0.500)'
  """
  sign = -1 if higher_is_better else 1
  # From the weakest to the strongest.
  order = sorted(known, key=lambda name: -sign * known[name])
  beaten = [name for name in order if sign * score < sign * known[name]]
  equal = [name for name in order if score == known[name]]
  missed = [name for name in order if sign * score > sign * known[name]]
  said = [f'beats the {name} ({known[name]:.3f})' for name in beaten[-1:]]
  said += [f'equals the {name} ({known[name]:.3f})' for name in equal[:1]]
  said += [f'not yet the {name} ({known[name]:.3f})' for name in missed[:1]]
  # The next to beat, and how far it is to the best.
  said += [f'nor the {name} ({known[name]:.3f})' for name in missed[1:][-1:]]
  return ', '.join(said) or 'cannot be compared'
