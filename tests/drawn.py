"""The figure behind a file, to look at what was drawn."""

from unittest import mock

from matplotlib import figure


def draw(function, *args, **options):
  """What `function` returns, and the figure that it made."""
  made = []

  def make(*args, **kwargs):
    made.append(real(*args, **kwargs))
    return made[-1]

  real = figure.Figure
  with mock.patch.object(figure, 'Figure', make):
    returned = function(*args, **options)
  (fig,) = made
  return returned, fig
