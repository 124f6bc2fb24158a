"""Predictors without a network: what a trained model has to beat."""

from seqjax.baselines.ngram import (
  KneserNey,
  largest_order,
  ngram_baselines,
  ngram_bits_per_char,
)
from seqjax.baselines.sequences import bag_of_ngrams, logistic, majority
from seqjax.baselines.tags import most_frequent_tags
from seqjax.baselines.verdict import verdict

__all__ = [
  'KneserNey',
  'bag_of_ngrams',
  'largest_order',
  'logistic',
  'majority',
  'most_frequent_tags',
  'ngram_baselines',
  'ngram_bits_per_char',
  'verdict',
]
