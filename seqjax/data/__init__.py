"""Text to batches: sources, vocabularies and streams."""

from seqjax.data.batch import Batch
from seqjax.data.sources import Text, python_reference, split, text_file
from seqjax.data.streams import Streams
from seqjax.data.vocabulary import Vocabulary, character_vocabulary

__all__ = (
  'Batch',
  'Streams',
  'Text',
  'Vocabulary',
  'character_vocabulary',
  'python_reference',
  'split',
  'text_file',
)
