"""Stories, and which sentences counted for an answer."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax.data.text import questions
from seqjax.report import figures

_COLUMNS = 2
_LONGEST = 60  # characters of a sentence that are drawn


class Answered(NamedTuple):
  """A question, what was answered, and where each hop looked."""

  question: questions.Question
  answer: str
  weights: np.ndarray  # [hops, S], from 0 to 1


def draw(directory, answered: Sequence[Answered]) -> pathlib.Path:
  """Draws a panel for each question: a row per sentence, a column per hop.

  Sentences that say the answer, where that is known, are bold. A wrong answer
  has the right one beside it.

  Args:
    directory: of the run.
    answered: at least one.

  Returns:
    The path of the figure, figures/attention.png in the directory.
  """
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  columns = min(len(answered), _COLUMNS)
  rows = -(-len(answered) // columns)
  tallest = max(len(x.question.story) for x in answered)
  fig = figure.Figure(
    figsize=(6 * columns, rows * (1 + 0.22 * tallest)), layout='constrained'
  )
  panels = fig.subplots(rows, columns, squeeze=False).ravel()
  for axes in panels[len(answered) :]:
    axes.set_axis_off()
  for axes, (question, answer, weights) in zip(panels, answered, strict=False):
    axes.imshow(weights.T, cmap='Blues', vmin=0, vmax=1, aspect='auto')
    sentences = [figures.drawable(x, _LONGEST) for x in question.story]
    axes.set_yticks(range(len(sentences)), sentences, fontsize=8)
    for i in question.supporting:
      axes.get_yticklabels()[i].set_fontweight('bold')
    hops = range(len(weights))
    axes.set_xticks(hops, [f'hop {hop + 1}' for hop in hops], fontsize=8)
    title = f'{question.text} {answer}'
    if answer != question.answer:
      title += f' (wrong: {question.answer})'
    axes.set_title(figures.drawable(title, _LONGEST), fontsize=9)
  return figures.save(fig, directory, 'attention')
