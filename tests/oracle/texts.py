"""Decoding as loops over one row, in float64.

A model is a function: the tokens written so far, a tuple -> the logits of the
next token, [V]. A text is (tokens, whether it ended, log-probability, whether
by an end that the rules forbid, where they leave nothing else).
"""

import numpy as np

from seqjax import decoding


def ways(model, rules, tokens):
  """Each token that may come next, its log-probability; and if it is forced."""
  logits = np.asarray(model(tokens), np.float64)
  with np.errstate(divide='ignore'):
    log_probs = logits - np.logaddexp.reduce(logits)
  n = rules.no_repeat_ngram
  runs = [tokens[i : i + n] for i in range(len(tokens) - n + 1)] if n else []
  found = {}
  for token, log_prob in enumerate(log_probs):
    repeats = n and (*tokens, token)[-n:] in runs and len(tokens) >= n - 1
    early = token == rules.end and len(tokens) < rules.min_length
    allowed = token not in rules.banned and not repeats and not early
    if allowed and log_prob > -np.inf:
      found[token] = log_prob
  if found:
    return found, False
  return {rules.end: max(log_probs[rules.end], np.finfo(np.float32).min)}, True


def grow(model, rules, text):
  """The texts that one more token makes of one that has not ended."""
  tokens, _, log_prob, _ = text
  found, forced = ways(model, rules, tokens)
  for token, gain in found.items():
    ended = token == rules.end
    longer = tokens if ended else (*tokens, token)
    yield longer, ended, log_prob + gain, forced


def every_text(model, rules, max_length):
  """All texts there are, cut where they are too long."""
  open_, closed = [((), False, 0.0, False)], []
  for _ in range(max_length):
    grown = [x for text in open_ for x in grow(model, rules, text)]
    closed += [text for text in grown if text[1]]
    open_ = [text for text in grown if not text[1]]
  return closed + open_


def beam(model, rules, max_length, beam_size):
  """Beam search, a hypothesis that ends keeping its place."""
  open_, closed = [((), False, 0.0, False)], []
  for _ in range(max_length):
    grown = [x for text in open_ for x in grow(model, rules, text)]
    grown.sort(key=lambda text: (text[3], text[3] or -text[2]))
    grown = grown[: beam_size - len(closed)]
    closed += [text for text in grown if text[1]]
    open_ = [text for text in grown if not text[1]]
  return closed + open_


def score(text, length_penalty):
  """What texts are ordered by."""
  tokens, ended, log_prob, _ = text
  return log_prob / max(len(tokens) + ended, 1) ** length_penalty


def in_order(texts, length_penalty):
  """Best first, then those that did not end, then those that had to."""
  return sorted(
    texts, key=lambda x: (x[3], not x[1], -score(x, length_penalty))
  )


def log_prob(model, tokens, end=None):
  """Of a text, and of its end where there is one."""
  total = 0.0
  for i, token in enumerate((*tokens, end) if end is not None else tokens):
    total += ways(model, decoding.Rules(end=-1), tokens[:i])[0][token]
  return total
