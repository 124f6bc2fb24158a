"""Predictors without a network: what a trained model has to beat."""

from seqjax.baselines.answers import answer_baselines
from seqjax.baselines.detection import (
  seasonal_difference,
  windowed_gaussian,
)
from seqjax.baselines.forecasts import (
  Ridge,
  default_lags,
  naive,
  ridge,
  seasonal_naive,
)
from seqjax.baselines.ngram import (
  KneserNey,
  largest_order,
  ngram_baselines,
  ngram_bits_per_char,
)
from seqjax.baselines.notes import note_baselines
from seqjax.baselines.pictures import nearest_picture
from seqjax.baselines.sequences import bag_of_ngrams, logistic, majority
from seqjax.baselines.tags import most_frequent_tags
from seqjax.baselines.verdict import verdict

__all__ = [
  'KneserNey',
  'Ridge',
  'answer_baselines',
  'bag_of_ngrams',
  'default_lags',
  'largest_order',
  'logistic',
  'majority',
  'most_frequent_tags',
  'naive',
  'ngram_baselines',
  'ngram_bits_per_char',
  'nearest_picture',
  'note_baselines',
  'ridge',
  'seasonal_difference',
  'seasonal_naive',
  'verdict',
  'windowed_gaussian',
]
