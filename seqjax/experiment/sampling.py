"""How an experiment whose model goes on with a text draws what it writes."""

import dataclasses

from seqjax.experiment import config as configs
from seqjax.experiment import fields


@dataclasses.dataclass(frozen=True)
class Config(configs.Config):
  """The settings that it adds; none of them changes a parameter."""

  prompt: str = fields.field(
    'The ', 'text that a sample continues', group='sample', kind='runtime'
  )
  temperature: float = fields.field(
    0.7,
    'of a sample; 0 takes the likeliest character, 1 draws as learnt',
    group='sample',
    kind='runtime',
    minimum=0,
  )
  top_k: int = fields.field(
    0,
    'how many of the likeliest characters a sample draws from; 0 for all',
    group='sample',
    kind='runtime',
    minimum=0,
  )
  top_p: float = fields.field(
    1.0,
    'of these, a sample draws from the fewest with this probability together',
    group='sample',
    kind='runtime',
    above=0,
    maximum=1,
  )
  length: int = fields.field(
    400,
    'characters in a sample',
    group='sample',
    kind='runtime',
    minimum=1,
    maximum=10**6,
  )
  sample_seed: int = fields.field(
    0,
    'another number, another sample',
    group='sample',
    kind='runtime',
    minimum=0,
    maximum=2**32 - 1,
  )
