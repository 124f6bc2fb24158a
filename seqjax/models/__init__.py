"""Flax modules, one file per shape of task, and what training needs of them."""

from seqjax.models import (
  answerer,
  captioner,
  classifier,
  decoder,
  encoder_decoder,
  forecaster,
  frame_model,
  language_model,
  recogniser,
  tagger,
)
from seqjax.models.answerer import Answerer
from seqjax.models.captioner import Captioner
from seqjax.models.classifier import Classifier
from seqjax.models.decoder import Decoder
from seqjax.models.encoder_decoder import EncoderDecoder
from seqjax.models.forecaster import Forecaster
from seqjax.models.frame_model import FrameModel
from seqjax.models.language_model import LanguageModel
from seqjax.models.recogniser import Recogniser
from seqjax.models.tagger import Tagger
from seqjax.models.task import Aux, Task

# name -> module
MODELS = {
  'answerer': Answerer,
  'captioner': Captioner,
  'classifier': Classifier,
  'encoder_decoder': EncoderDecoder,
  'forecaster': Forecaster,
  'frame_model': FrameModel,
  'language_model': LanguageModel,
  'recogniser': Recogniser,
  'tagger': Tagger,
}

__all__ = [
  'MODELS',
  'Answerer',
  'Aux',
  'Captioner',
  'Classifier',
  'Decoder',
  'EncoderDecoder',
  'Forecaster',
  'FrameModel',
  'LanguageModel',
  'Recogniser',
  'Tagger',
  'Task',
  'answerer',
  'captioner',
  'classifier',
  'decoder',
  'encoder_decoder',
  'forecaster',
  'frame_model',
  'language_model',
  'recogniser',
  'tagger',
]
