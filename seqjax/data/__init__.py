"""Files to batches: sources, vocabularies, batch plans and streams."""

from seqjax.data.batch import Batch
from seqjax.data.buckets import Buckets
from seqjax.data.conll import Tagged, are_spans, tagged_file
from seqjax.data.folders import class_folders
from seqjax.data.labelled import Labelled, label_names
from seqjax.data.padding import pad, sequence_batches, step_batches
from seqjax.data.pairs import Pair, pair_batches, pair_lengths
from seqjax.data.python_source import python_tokens
from seqjax.data.series import Series
from seqjax.data.series_files import row_series, table_series
from seqjax.data.sources import Text, python_reference, split, text_file
from seqjax.data.spelling import spell
from seqjax.data.splits import fold, hold_out
from seqjax.data.steps_ahead import Steps, forecast_batches
from seqjax.data.streams import Streams
from seqjax.data.tables import table, texts
from seqjax.data.tokens import Tokenizer
from seqjax.data.truncation import cut, cut_report
from seqjax.data.vocabulary import (
  CharacterVocabulary,
  Vocabulary,
  character_vocabulary,
  word_vocabulary,
)
from seqjax.data.windows import Windows

__all__ = (
  'Batch',
  'Buckets',
  'CharacterVocabulary',
  'Labelled',
  'Pair',
  'Series',
  'Steps',
  'Streams',
  'Tagged',
  'Text',
  'Tokenizer',
  'Vocabulary',
  'Windows',
  'are_spans',
  'character_vocabulary',
  'class_folders',
  'cut',
  'cut_report',
  'fold',
  'forecast_batches',
  'hold_out',
  'label_names',
  'pad',
  'pair_batches',
  'pair_lengths',
  'python_reference',
  'python_tokens',
  'row_series',
  'sequence_batches',
  'spell',
  'split',
  'step_batches',
  'table',
  'table_series',
  'tagged_file',
  'text_file',
  'texts',
  'word_vocabulary',
)
