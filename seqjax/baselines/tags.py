"""The tag of a word, without its sentence."""

import collections


def most_frequent_tags(train, sentences) -> list[tuple[str, ...]]:
  """Gives each word the tag that it has most often.

  A word that was never seen gets the tag that words seen once have most often;
  of equally frequent tags the one that came first is taken.

  Args:
    train: (sentences, tags), each a sequence of sequences of strings.
    sentences: to be tagged.

  >>> train = [['the', 'run'], ['we', 'run'], ['a', 'run'], ['the', 'cat']], [
  ...   ['DET', 'NOUN'], ['PRON', 'VERB'], ['DET', 'NOUN'], ['DET', 'NOUN']]
  >>> most_frequent_tags(train, [['they', 'run']])
  [('PRON', 'NOUN')]
  """
  counts = collections.defaultdict(collections.Counter)
  for words, tags in zip(*train, strict=True):
    for word, tag in zip(words, tags, strict=True):
      counts[word][tag] += 1
  known = {word: _most(tags) for word, tags in counts.items()}
  rare = [known[word] for word, tags in counts.items() if tags.total() == 1]
  unseen = _most(collections.Counter(rare or known.values()))
  return [
    tuple(known.get(word, unseen) for word in words) for words in sentences
  ]


def _most(counts):
  return counts.most_common(1)[0][0]
