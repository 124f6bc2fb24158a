"""Flax modules, one file per shape of task, and what training needs of them."""

from seqjax.models import language_model
from seqjax.models.language_model import LanguageModel
from seqjax.models.task import Aux, Task

# name -> module
MODELS = {'language_model': LanguageModel}

__all__ = ['MODELS', 'Aux', 'LanguageModel', 'Task', 'language_model']
