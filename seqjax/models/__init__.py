"""Flax modules, one file per shape of task, and what training needs of them."""

from seqjax.models import classifier, language_model, tagger
from seqjax.models.classifier import Classifier
from seqjax.models.language_model import LanguageModel
from seqjax.models.tagger import Tagger
from seqjax.models.task import Aux, Task

# name -> module
MODELS = {
  'classifier': Classifier,
  'language_model': LanguageModel,
  'tagger': Tagger,
}

__all__ = [
  'MODELS',
  'Aux',
  'Classifier',
  'LanguageModel',
  'Tagger',
  'Task',
  'classifier',
  'language_model',
  'tagger',
]
