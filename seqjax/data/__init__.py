"""Files to batches: sources, vocabularies, batch plans and streams.

What every kind of data shares stands here; what one kind needs stands in
`text`, `timeseries`, `vision`, `audio` and `music`.
"""

from seqjax.data.batch import Batch
from seqjax.data.buckets import Buckets
from seqjax.data.labelled import Labelled, label_names
from seqjax.data.padding import pad, sequence_batches, step_batches
from seqjax.data.pairs import Pair, pair_batches, pair_lengths
from seqjax.data.splits import fold, hold_out
from seqjax.data.streams import Streams
from seqjax.data.tables import table, texts
from seqjax.data.text.conll import Tagged, are_spans, tagged_file
from seqjax.data.text.folders import class_folders
from seqjax.data.text.python_source import python_tokens
from seqjax.data.text.sources import Text, python_reference, split, text_file
from seqjax.data.text.spelling import spell
from seqjax.data.timeseries.series import Series
from seqjax.data.timeseries.series_files import row_series, table_series
from seqjax.data.timeseries.steps_ahead import Steps, forecast_batches
from seqjax.data.timeseries.windows import Windows
from seqjax.data.tokens import Tokenizer
from seqjax.data.truncation import cut, cut_report
from seqjax.data.vocabulary import (
  CharacterVocabulary,
  Vocabulary,
  character_vocabulary,
  word_vocabulary,
)

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
