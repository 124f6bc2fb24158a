"""launch.sh, in a scratch checkout with a fake interpreter and installer."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from absl.testing import absltest, parameterized

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Stands for python3.13 and for the one in the environment that it makes. Writes
# down each call, makes environments that hold itself, and in place of running
# a module prints what it was asked for.
FAKE_PYTHON = f"""#!/bin/sh
echo "$*" | head -n 1 >> "$CALLS"
case "$1 $2" in
  "-V "*) echo "Python 3.13.0" ;;
  "-c "*) exec '{sys.executable}' "$@" ;;
  "-m venv") mkdir "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip") eval "$INSTALLER" ;;
  *) printf '%s\\0' "$PWD" "$PYTHONPATH" "$@" ;;
esac
"""


def executable(path: pathlib.Path, text: str) -> pathlib.Path:
  path.write_text(text)
  path.chmod(0o755)
  return path


class LaunchTestCase(parameterized.TestCase):
  """A checkout with one experiment, and elsewhere the current directory."""

  def setUp(self):
    super().setUp()
    scratch = self.enterContext(tempfile.TemporaryDirectory())
    scratch = pathlib.Path(scratch).resolve()
    self.root = scratch / 'a checkout'
    self.cwd = scratch / 'else where'
    self.calls = scratch / 'calls'
    for folder in ('bin', 'else where', 'a checkout/experiments'):
      (scratch / folder).mkdir(parents=True)
    for name in ('launch.sh', 'pyproject.toml', 'constraints.txt'):
      shutil.copy(ROOT / name, self.root)
    experiments = self.root / 'experiments'
    (experiments / '__init__.py').write_text('"""Not one of them."""\n')
    (experiments / '_shared.py').write_text('"""Not one either."""\n')
    (experiments / 'char_lm.py').write_text('"""Characters of a text.\n\nI."""')
    (self.root / 'outside.py').write_text('"""Not in the folder."""\n')
    self.python = executable(scratch / 'bin' / 'python3.13', FAKE_PYTHON)
    # None of this machine's own is to be found: they would really install.
    for name in ('python3.12', 'python3.11', 'python3', 'python', 'uv'):
      executable(scratch / 'bin' / name, '#!/bin/sh\nexit 1\n')
    self.env = {
      'PATH': f'{scratch / "bin"}:/usr/bin:/bin',
      'HOME': str(scratch),
      'CALLS': str(self.calls),
      'INSTALLER': 'true',
    }

  def start(self, *args, **env):
    return subprocess.Popen(
      [self.root / 'launch.sh', *args],
      cwd=self.cwd,
      env=self.env | env,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
      start_new_session=True,
    )

  def launch(self, *args, **env):
    with self.start(*args, **env) as process:
      stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr

  def ran(self, *args, **env):
    """What reached Python: its directory, PYTHONPATH, and arguments."""
    code, stdout, stderr = self.launch(*args, **env)
    self.assertEqual(code, 0, stderr)
    cwd, path, *args = stdout.split('\0')[:-1]
    return cwd, path, args

  def count(self, call):
    if not self.calls.exists():
      return 0
    lines = self.calls.read_text().splitlines()
    return sum(line.startswith(call) for line in lines)

  def wait_for(self, call):
    deadline = time.monotonic() + 30
    while not self.count(call):
      self.assertLess(time.monotonic(), deadline, f'no call of {call}')
      time.sleep(0.01)


class NamesTest(LaunchTestCase):
  @parameterized.parameters([[]], [['help']], [['--help']], [['-h']])
  def test_help_lists_experiments_and_installs_nothing(self, args):
    code, stdout, stderr = self.launch(*args)
    self.assertEqual((code, stderr), (0, ''))
    self.assertRegex(stdout, r'\n  char_lm +Characters of a text\.\n')
    self.assertNotIn('Not', stdout)
    self.assertEqual(self.count(''), 0)

  @parameterized.parameters(
    ('char-lm', "Unknown experiment 'char-lm'. Did you mean 'char_lm'?\n"),
    ('tset', "Unknown experiment 'tset'. Did you mean 'test'?\n"),
    ('qqqq', "Unknown experiment 'qqqq'.\n"),
    ('../outside', "Unknown experiment '../outside'.\n"),
    ('__init__', "Unknown experiment '__init__'.\n"),
  )
  def test_unknown_name_gets_a_guess_and_the_list(self, name, sentence):
    code, stdout, stderr = self.launch(name)
    self.assertEqual((code, stdout), (1, ''))
    self.assertStartsWith(stderr, sentence)
    self.assertIn('char_lm   ', stderr)
    self.assertEqual(self.count('-m'), 0)

  def test_benchmarks_are_listed_guessed_and_run(self):
    (self.root / 'benchmarks').mkdir()
    (self.root / 'benchmarks' / 'recurrence.py').write_text('"""Beside."""')
    self.assertIn('recurrence         Beside.', self.launch('bench')[1])
    code, _, stderr = self.launch('bench', 'recurence')
    self.assertEqual(code, 1)
    self.assertIn("Did you mean 'recurrence'?", stderr)
    _, _, args = self.ran('bench', 'recurrence', '--json=a b')
    self.assertEqual(args, ['-P', '-m', 'benchmarks.recurrence', '--json=a b'])

  def test_the_doctor_is_a_module_of_the_package(self):
    _, _, args = self.ran('doctor', '--cells=lstm')
    self.assertEqual(args, ['-P', '-m', 'seqjax.doctor', '--cells=lstm'])
    self.assertIn("Did you mean 'doctor'?", self.launch('docter')[2])

  def test_restarts_are_asked_for_before_the_experiment(self):
    asked = ['--max_restarts=3']
    _, _, args = self.ran(*asked, 'char_lm', '--cell=gru', '--', 'a b')
    expected = ['-P', '-m', 'seqjax.supervisor', *asked, '--']
    self.assertEqual(
      args, [*expected, 'experiments.char_lm', '--cell=gru', '--', 'a b']
    )

  @parameterized.parameters('char-lm', 'test', '')
  def test_only_an_experiment_is_restarted(self, name):
    code, _, stderr = self.launch('--max_restarts=3', name)
    self.assertEqual(code, 1)
    self.assertStartsWith(stderr, f"Unknown experiment '{name}'.")


class HandOverTest(LaunchTestCase):
  def test_arguments_arrive_intact_in_the_current_directory(self):
    given = ['--text_file=two  words', '*', '$HOME', '', '"q"', 'a\nb', '-c']
    cwd, path, args = self.ran('char_lm', *given, PYTHONPATH='/mine')
    self.assertEqual(args, ['-P', '-m', 'experiments.char_lm', *given])
    self.assertEqual(cwd, str(self.cwd))
    self.assertEqual(path, f'{self.root}:/mine')

  @parameterized.parameters(
    # On all cores, where everything is asked for.
    ([], 'not slow', ['-n', 'auto']),
    (['--slow'], '', ['-n', 'auto']),
    (['-k', 'a or b', 'x'], 'not slow', ['-k', 'a or b', 'x']),
    (['-k', 'a or b', '--slow', 'x'], '', ['-k', 'a or b', 'x']),
  )
  def test_tests_run_in_the_checkout(self, given, marks, rest):
    cwd, _, args = self.ran('test', *given)
    self.assertEqual(args, ['-P', '-m', 'pytest', '-m', marks, *rest])
    self.assertEqual(cwd, str(self.root))

  def test_symbolic_link_finds_the_checkout(self):
    link = self.cwd / 'seqjax'
    link.symlink_to(self.root / 'launch.sh')
    done = subprocess.run([link], env=self.env, capture_output=True, text=True)
    self.assertIn('char_lm', done.stdout)

  def test_signals_arrive_at_python_itself(self):
    python = executable(
      self.cwd / 'python',
      '#!/bin/sh\n[ "$1" = -c ] && exit\necho $$\nexec sleep 60\n',
    )
    with self.start('char_lm', SEQJAX_PYTHON=str(python)) as process:
      self.assertEqual(int(process.stdout.readline()), process.pid)
      process.send_signal(signal.SIGTERM)
      process.communicate(timeout=30)
    self.assertEqual(process.returncode, -signal.SIGTERM)

  def test_exit_code_is_that_of_python(self):
    executable(self.cwd / 'python', '#!/bin/sh\n[ "$1" = -c ] || exit 3\n')
    self.assertEqual(self.launch('char_lm', SEQJAX_PYTHON='./python')[0], 3)


class InterpreterTest(LaunchTestCase):
  def test_given_interpreter_is_used_and_nothing_installed(self):
    executable(self.cwd / 'mine', '#!/bin/sh\n[ "$1" = -c ] || echo "$@"\n')
    # Relative to the current directory, also where the tests change it.
    _, stdout, _ = self.launch('test', SEQJAX_PYTHON='./mine')
    self.assertEqual(stdout, '-P -m pytest -m not slow -n auto\n')
    self.assertEqual(self.count('-m pip') + self.count('-m venv'), 0)
    self.assertFalse((self.root / '.venv').exists())

  @parameterized.parameters(
    ('char_lm', 'rich'), ('test', 'rich, pytest, xdist')
  )
  def test_given_interpreter_without_jax_is_a_sentence(self, command, last):
    bare = f'#!/bin/sh\nexec \'{sys.executable}\' -I -S "$@"\n'
    python = executable(self.cwd / 'bare', bare)
    code, stdout, stderr = self.launch(command, SEQJAX_PYTHON=str(python))
    self.assertEqual((code, stdout), (1, ''))
    self.assertRegex(
      stderr, rf'^SEQJAX_PYTHON=.* lacks .*jax, .*{last}: install it there'
    )
    self.assertLen(stderr.splitlines(), 1)

  @parameterized.parameters('/bin/false', 'no-such-python')
  def test_given_interpreter_that_is_none_is_a_sentence(self, python):
    code, _, stderr = self.launch('char_lm', SEQJAX_PYTHON=python)
    self.assertEqual(code, 1)
    self.assertEqual(
      stderr,
      f'SEQJAX_PYTHON={python} is no Python of 3.11 or later that runs.\n',
    )

  @parameterized.product(
    variable=['VIRTUAL_ENV', 'CONDA_PREFIX'], lacks=['', 'jax', 'seqjax']
  )
  def test_active_environment_is_used_if_complete(self, variable, lacks):
    (self.cwd / 'bin').mkdir()
    executable(
      self.cwd / 'bin' / 'python',
      f'#!/bin/sh\n[ "$1" != -c ] && exec printf active\n'
      f'case " $* " in *" {lacks} "*) echo {lacks} ;; esac\n',
    )
    code, stdout, stderr = self.launch('char_lm', **{variable: str(self.cwd)})
    self.assertEqual(code, 0, stderr)
    self.assertEqual(stdout == 'active', not lacks)
    self.assertEqual(self.count('-m pip'), bool(lacks))

  def test_no_interpreter_is_a_sentence(self):
    executable(self.python, '#!/bin/sh\nexit 1\n')
    code, _, stderr = self.launch('char_lm')
    self.assertEqual(code, 1)
    self.assertStartsWith(stderr, 'Found no Python of 3.11 or later')

  def test_interpreter_that_does_not_run_is_passed_over(self):
    self.python.rename(self.python.with_name('python3.11'))
    executable(self.python, '#!/bin/sh\nexit 127\n')
    self.ran('char_lm')


class InstallTest(LaunchTestCase):
  def test_installs_once_and_says_so(self):
    code, _, stderr = self.launch('char_lm')
    where = self.root / '.venv'
    self.assertEqual(code, 0)
    self.assertEqual(
      stderr, f'Installing into {where}: once, for about a minute.\n'
    )
    executable(self.python, '#!/bin/sh\nexit 1\n')  # needed no longer
    code, _, stderr = self.launch('char_lm')
    self.assertEqual((code, stderr), (0, ''))
    self.assertEqual(self.count('-m pip install -e .[test] -c constraints'), 1)

  def test_simultaneous_first_calls_install_once(self):
    installer = 'until [ -e go ]; do sleep 0.05; done'
    with self.start('char_lm', INSTALLER=installer) as one:
      self.wait_for('-m pip')
      with self.start('char_lm') as two:
        waiting = two.stderr.readline()
        (self.root / 'go').touch()
        one.communicate(timeout=30)
        two.communicate(timeout=30)
    self.assertEqual(waiting, 'Waiting for another installation to end.\n')
    self.assertEqual((one.returncode, two.returncode), (0, 0))
    self.assertEqual((self.count('-m venv'), self.count('-m pip')), (1, 1))

  def test_killed_installation_is_made_anew(self):
    with self.start('char_lm', INSTALLER='sleep 60') as process:
      self.wait_for('-m pip')
      os.killpg(process.pid, signal.SIGKILL)
      process.communicate(timeout=30)
    self.ran('char_lm')
    self.assertEqual((self.count('-m venv'), self.count('-m pip')), (2, 2))

  @parameterized.parameters(
    ('No space left on device', 1, 'The installation failed: its end is'),
    ('[Errno -3] Temporary failure in name resolution', 75, 'try again'),
    ('connection broken by NewConnectionError', 75, 'try again'),
  )
  def test_failure_shows_why_and_is_redone(self, why, code, sentence):
    failing = f'echo "{why}" >&2; exit 1'
    got, stdout, stderr = self.launch('char_lm', INSTALLER=failing)
    self.assertEqual((got, stdout), (code, ''))
    self.assertIn(why, stderr)
    self.assertIn(sentence, stderr.splitlines()[-1])
    self.ran('char_lm')
    self.assertEqual(self.count('-m venv'), 2)

  def test_environment_of_another_is_left_alone(self):
    own = self.root / '.venv' / 'own'
    own.mkdir(parents=True)
    code, _, stderr = self.launch('char_lm')
    self.assertEqual(code, 1)
    self.assertRegex(stderr, r'^.*/\.venv was not made by launch\.sh, which')
    self.assertTrue(own.is_dir())
    self.assertEqual(self.count('-m'), 0)

  @parameterized.parameters('pyproject.toml', 'constraints.txt')
  def test_changed_requirements_are_installed_in_place(self, name):
    self.ran('char_lm')
    with open(self.root / name, 'a') as file:
      file.write('# changed\n')
    self.ran('char_lm')
    self.assertEqual((self.count('-m venv'), self.count('-m pip')), (1, 2))

  def test_changed_interpreter_makes_the_environment_anew(self):
    self.ran('char_lm')
    executable(
      self.root / '.venv' / 'bin' / 'python',
      FAKE_PYTHON.replace('3.13.0', '3.12.1'),
    )
    self.ran('char_lm')
    self.assertEqual(self.count('-m venv'), 2)

  def test_extras_are_installed_and_a_wrong_one_is_a_sentence(self):
    self.ran('char_lm')
    self.ran('char_lm', SEQJAX_EXTRAS='cuda13,sweep')
    self.assertEqual(self.count('-m pip install -e .[test,cuda13,sweep] -c'), 1)
    code, _, stderr = self.launch('char_lm', SEQJAX_EXTRAS='cuda31')
    self.assertEqual(code, 1)
    self.assertStartsWith(stderr, "Unknown extra 'cuda31'. Did you mean 'cuda")
    self.assertEqual(self.count('-m pip'), 2)

  def test_uv_installs_where_it_works(self):
    uv = '#!/bin/sh\necho "uv $*" >> "$CALLS"\n'
    executable(self.python.with_name('uv'), uv)
    self.ran('char_lm')
    python = self.root / '.venv' / 'bin' / 'python'
    self.assertEqual(self.count(f'uv pip install --python {python} -e .'), 1)
    self.assertEqual(self.count('-m pip'), 0)

  def test_given_folder_is_installed_into(self):
    self.ran('test', SEQJAX_VENV='an environment')
    self.assertTrue((self.cwd / 'an environment' / 'stamp').is_file())
    self.assertFalse((self.root / '.venv').exists())

  def test_read_only_checkout_installs_into_the_cache(self):
    self.root.chmod(0o555)
    self.addCleanup(self.root.chmod, 0o755)
    if os.access(self.root, os.W_OK):
      self.skipTest('this user may write everywhere')
    self.ran('char_lm', XDG_CACHE_HOME=str(self.cwd))
    self.assertLen(list(self.cwd.glob('seqjax/venv-*/stamp')), 1)
    self.cwd.chmod(0o555)
    self.addCleanup(self.cwd.chmod, 0o755)
    code, _, stderr = self.launch('char_lm', SEQJAX_VENV='a/b')
    self.assertEqual(code, 1)
    self.assertRegex(stderr, '^Cannot write to .*/a: set SEQJAX_VENV to a ')


if __name__ == '__main__':
  absltest.main()
