"""Every experiment: trials that differ in numbers alone share a program."""

import contextlib
import contextvars
import importlib
import io
import pathlib

import folder_case
from absl.testing import absltest, parameterized

import experiments
from seqjax.experiment import fields, run_directory, training_run
from seqjax.sweeps import trial as trials
from seqjax.training import loop
from seqjax.training import step as step_lib

NAMES = sorted(
  x.stem for x in pathlib.Path(experiments.__path__[0]).glob('[a-z]*.py')
)


class Asked(Exception):
  """Instead of training."""


def ask(plan, directory):
  raise Asked(plan)


class ProgramsTest(folder_case.FolderTestCase):
  def plan(self, module, name, **settings):
    """What an experiment would train."""
    run = run_directory.RunDirectory(self.folder / str(settings['seed']))

    def train():
      loop.stand_in.set(ask)
      with contextlib.redirect_stdout(io.StringIO()):
        training_run.train(
          module.Config,
          settings | {'workdir': str(run.path)},
          name,
          run,
          module.MODES['train'],
        )

    try:
      contextvars.copy_context().run(train)
    except Asked as asked:
      return asked.args[0]

  @parameterized.parameters(*NAMES)
  def test_numbers_do_not_change_the_program(self, name):
    module = importlib.import_module(f'experiments.{name}')
    traced = [x for x in fields.declared(module.Config).values() if x.traced]
    settings = [
      {x.name: x.type(3 + k) if x.type is int else 0.2 + k / 10 for x in traced}
      for k in range(2)
    ]
    settings = [x | {'cell': 'lstm'} for x in settings]  # It has all of them.
    programs = {trials.make(module.Config, x).program for x in settings}
    self.assertLen(programs, 1)
    a, b = (self.plan(module, name, **x) for x in settings)
    self.assertIs(
      step_lib.make_train_step(a.task, a.optimizer),
      step_lib.make_train_step(b.task, b.optimizer),
    )
    self.assertEqual(a.hparams.keys(), b.hparams.keys())
    # How weights begin is all that is no number of the step.
    for x in traced:
      if x.name not in ('seed', 'forget_bias', 'chrono_steps'):
        self.assertNotEqual(a.hparams[x.name], b.hparams[x.name], f'--{x.name}')


if __name__ == '__main__':
  absltest.main()
