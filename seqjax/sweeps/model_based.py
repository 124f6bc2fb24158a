"""Which trial comes next, by a model of those that have ended: Optuna's."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from seqjax import errors
from seqjax.experiment import fields
from seqjax.sweeps import scores
from seqjax.sweeps import space as spaces
from seqjax.sweeps import trial as trials_lib

# Proposals in turn of what was tried before, until that is taken for all.
_PATIENCE = 100


class ModelBased:
  """Draws trials from where the good ones lie denser than the others.

  The first ten are drawn at random, the others by a tree-structured Parzen
  estimator of all fields together. A trial without a finite metric is worse
  than all that have one. A setting is tried once: where the model proposes it
  again, the next proposal is drawn at random.

  What is asked for depends on the order in which trials end. So a sweep that
  goes on says which trials it began: they are asked for first.

  Args:
    fixed: what all trials have, by name.
    grids: of values of which none is near another.
    ranges: of values that do alike where they are near, but for a 'choice'.
    trials: how many in all, those that were begun among them; fewer where
      there are no more.
    metric: its name in the outcomes, such as 'valid/accuracy'.
    higher_is_better: as of an accuracy; else as of a loss.
    seed: of the draws.
    make_trial: the trial of some settings.
    begun: settings of the trials that an earlier part of this sweep asked for,
      in their order.

  Raises:
    UserError: Optuna is missing; from `ask`, the experiment does not take what
      two of the settings say together.

  Source: Bergstra et al. (2011), as in Optuna 5.
  """

  def __init__(
    self,
    *,
    fixed: Mapping[str, Any],
    grids: Sequence[spaces.Grid],
    ranges: Sequence[spaces.Range],
    trials: int,
    metric: str,
    higher_is_better: bool,
    seed: int,
    make_trial: Callable[[Mapping[str, Any]], trials_lib.Trial],
    begun: Sequence[Mapping[str, Any]] = (),
  ):
    self._optuna = optuna = _library()
    self._fixed, self._axes, self._trials = fixed, (*grids, *ranges), trials
    self._metric, self._make_trial = metric, make_trial
    self._distributions = {
      x.name: _distribution(x, optuna.distributions) for x in self._axes
    }
    seeds = np.random.SeedSequence(seed).generate_state(2)
    self._model = optuna.samplers.TPESampler(seed=int(seeds[0]))
    self._chance = optuna.samplers.RandomSampler(seed=int(seeds[1]))
    self._study = optuna.create_study(
      direction='maximize' if higher_is_better else 'minimize'
    )
    for settings in begun:
      self._study.enqueue_trial(
        {x.name: _drawn(x, settings[x.name]) for x in self._axes}
      )
    self._asked = {}  # Optuna's trials by the names of ours.

  def ask(self) -> trials_lib.Trial | None:
    if len(self._asked) >= self._trials:
      return None
    for attempt in range(_PATIENCE):
      self._study.sampler = self._chance if attempt else self._model
      proposal = self._study.ask(self._distributions)
      drawn = {x.name: _value(x, proposal.params[x.name]) for x in self._axes}
      trial = self._make_trial({**self._fixed, **drawn})
      if trial.name not in self._asked:
        self._asked[trial.name] = proposal
        return trial
      # What is told to have failed enters no model: a setting counts once.
      self._study.tell(proposal, state=self._optuna.trial.TrialState.FAIL)
    return None

  def tell(self, trial: trials_lib.Trial, outcome: trials_lib.Outcome) -> None:
    score = scores.score(outcome, self._metric)
    if math.isfinite(score):
      self._study.tell(self._asked[trial.name], score)
    else:
      # As pruned it is worse than all others. Of what failed the model would
      # learn nothing, and go there again.
      state = self._optuna.trial.TrialState.PRUNED
      self._study.tell(self._asked[trial.name], state=state)


def _choices(axis: spaces.Grid | spaces.Range) -> tuple[Any, ...]:
  """What a field is chosen from; () where it is drawn between two ends."""
  is_choice = isinstance(axis, spaces.Grid) or axis.kind == 'choice'
  return axis.values if is_choice else ()


def _distribution(axis: spaces.Grid | spaces.Range, distributions) -> Any:
  """Optuna's distribution of a field; of a choice it draws the position."""
  if choices := _choices(axis):
    return distributions.CategoricalDistribution(range(len(choices)))
  low, high = axis.values
  of_type = {
    int: distributions.IntDistribution,
    float: distributions.FloatDistribution,
  }
  return of_type[type(low)](low, high, log=axis.kind == 'log')


def _value(axis: spaces.Grid | spaces.Range, drawn: Any) -> Any:
  """The value of the field for what Optuna drew."""
  if choices := _choices(axis):
    return choices[drawn]
  return spaces.rounded(drawn, *axis.values)


def _drawn(axis: spaces.Grid | spaces.Range, value: Any) -> Any:
  """What Optuna would have drawn for the value."""
  # A record in JSON has lists for tuples: as texts they are alike.
  texts = [fields.shown(x) for x in _choices(axis)]
  return texts.index(fields.shown(value)) if texts else value


def _library():
  """The package Optuna, which not everybody needs, and without its log."""
  try:
    import optuna
  except ImportError as error:
    raise errors.UserError(
      f'the search by a model needs the package optuna ({error}): pip install '
      "'seqjax[sweep]', or begin with SEQJAX_EXTRAS=sweep ./launch.sh."
    ) from error
  optuna.logging.set_verbosity(optuna.logging.WARNING)
  return optuna
