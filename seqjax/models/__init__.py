"""Flax modules, one file per shape of task, and what training needs of them."""

from seqjax.models import (
  classifier,
  forecaster,
  frame_model,
  language_model,
  tagger,
)
from seqjax.models.classifier import Classifier
from seqjax.models.forecaster import Forecaster
from seqjax.models.frame_model import FrameModel
from seqjax.models.language_model import LanguageModel
from seqjax.models.tagger import Tagger
from seqjax.models.task import Aux, Task

# name -> module
MODELS = {
  'classifier': Classifier,
  'forecaster': Forecaster,
  'frame_model': FrameModel,
  'language_model': LanguageModel,
  'tagger': Tagger,
}

__all__ = [
  'MODELS',
  'Aux',
  'Classifier',
  'Forecaster',
  'FrameModel',
  'LanguageModel',
  'Tagger',
  'Task',
  'classifier',
  'forecaster',
  'frame_model',
  'language_model',
  'tagger',
]
