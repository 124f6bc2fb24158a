"""No file, archive or flag may run code, leave its folder, or be unguarded.

The tree is read for the calls that would allow it, the Python by its syntax. A
use that is sound is named in `ALLOWED`, with the reason.
"""

import ast
import pathlib
import re

from absl.testing import absltest, parameterized

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = 'seqjax', 'experiments', 'benchmarks'

# Modules that run what they read, or open a port for anybody.
MODULES = {
  **dict.fromkeys(
    ('pickle', 'cPickle', 'dill', 'cloudpickle', 'joblib', 'marshal'), 'pickle'
  ),
  **dict.fromkeys(('shelve', 'msgpack', 'flax.serialization'), 'pickle'),
  **dict.fromkeys(('yaml', 'konfig'), 'yaml'),
  **dict.fromkeys(
    ('socketserver', 'http.server', 'xmlrpc', 'wsgiref'), 'listener'
  ),
  **dict.fromkeys(('telnetlib', 'ftplib', 'requests'), 'download'),
  # Reads entities of other files and sites.
  'xml': 'xml',
}
# Functions by the end of their name, and those that stand by themselves.
CALLS = {
  **dict.fromkeys(('torch.load', 'read_pickle', 'msgpack_restore'), 'pickle'),
  **dict.fromkeys(('np.load', 'numpy.load', 'jnp.load'), 'np.load'),
  'deserialize_and_load': 'code',
  **dict.fromkeys(
    ('os.system', 'os.popen', 'os.execl', 'os.spawnl', 'getoutput'), 'shell'
  ),
  **dict.fromkeys(('getstatusoutput', 'create_subprocess_shell'), 'shell'),
  **dict.fromkeys(('extractall', 'unpack_archive', 'extract'), 'extract'),
  **dict.fromkeys(('mktemp', 'tmpnam', 'tempnam'), 'mktemp'),
  **dict.fromkeys(('urlopen', 'urlretrieve', 'build_opener'), 'download'),
  **dict.fromkeys(('listen', 'create_server', 'start_server'), 'listener'),
  '_create_unverified_context': 'tls',
}
NAMES = {
  **dict.fromkeys(('eval', 'exec', 'compile', '__import__'), 'code'),
  **dict.fromkeys(('import_module', 'resolve_name'), 'code'),
}
# Keyword arguments, and the one value that they may have.
KEYWORDS = {
  'allow_pickle': (False, 'pickle'),
  'weights_only': (True, 'pickle'),
  'shell': (False, 'shell'),
  'verify': (True, 'tls'),
}
STRINGS = {
  re.compile(r'http://'): 'http',
  re.compile(r'(?<![\d.])0\.0\.0\.0(?![\d.])|^::$'): 'listener',
}
LAUNCHER = {
  re.compile(r'\beval\b|\b(?:ba|z|da)?sh\s+-c\b'): 'shell',
  re.compile(r'\b(?:curl|wget|nc)\b'): 'download',
  re.compile(r'http://'): 'http',
  re.compile(r'\bmktemp\s+-u|/tmp/'): 'mktemp',
  re.compile(r'\bchmod\b.*\b(?:777|o\+w|a\+w)'): 'mode',
}
# (file, rule) -> why it is sound.
ALLOWED = {
  ('seqjax/ahead.py', 'code'): 'the loop names orbax, and nobody else calls it',
  ('seqjax/array_files.py', 'np.load'): 'says allow_pickle=False',
  ('benchmarks/_sweep_torch.py', 'np.load'): 'says allow_pickle=False',
  ('seqjax/data/downloads.py', 'download'): (
    'its bytes are compared with a SHA-256 that stands in the program'
  ),
  ('seqjax/data/registered.py', 'http'): (
    'the only address of aclImdb; downloads.py compares its SHA-256'
  ),
  ('seqjax/data/text/sources.py', 'code'): (
    'one module, by a constant name, of the standard library'
  ),
  ('seqjax/experiment/config.py', 'code'): (
    'registries of our own, by constant names'
  ),
  ('seqjax/sweeps/experiments.py', 'code'): (
    'a name that a file of our own in experiments/ has'
  ),
}


def python_uses(text):
  """(rule, line) of each use in a program that a rule forbids."""
  tree = ast.parse(text)
  docstrings = {
    id(node.body[0].value)
    for node in ast.walk(tree)
    if isinstance(
      node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    )
    and ast.get_docstring(node, clean=False) is not None
  }
  for node in ast.walk(tree):
    for rule in _rules(node, docstrings):
      yield rule, node.lineno


def _rules(node, docstrings):
  if isinstance(node, ast.Import):
    for alias in node.names:
      yield from _of_module(alias.name)
  elif isinstance(node, ast.ImportFrom):
    for alias in node.names:
      name = f'{node.module or ""}.{alias.name}'
      # Under another name it would be called unseen.
      yield from _of_module(name) or _of_name(name)
  elif isinstance(node, ast.Attribute | ast.Name):
    yield from _of_name(_dotted(node))
  elif isinstance(node, ast.keyword) and node.arg in KEYWORDS:
    value, rule = KEYWORDS[node.arg]
    if getattr(node.value, 'value', None) is not value:
      yield rule
  elif isinstance(node, ast.Constant) and isinstance(node.value, str):
    if id(node) not in docstrings:
      yield from (r for p, r in STRINGS.items() if p.search(node.value))


def _of_module(name):
  parts = name.split('.')
  prefixes = ('.'.join(parts[: i + 1]) for i in range(len(parts)))
  return [MODULES[x] for x in prefixes if x in MODULES]


def _of_name(name):
  """The rule of a function by its dotted name, called or handed on."""
  head, _, last = name.rpartition('.')
  if last in ('import_module', 'resolve_name') or not head:
    return [NAMES[last]] if last in NAMES else []
  owner = head.rpartition('.')[2]
  return [CALLS[x] for x in (last, f'{owner}.{last}') if x in CALLS]


def _dotted(node):
  if isinstance(node, ast.Name):
    return node.id
  if isinstance(node, ast.Attribute):
    return f'{_dotted(node.value)}.{node.attr}'
  return '?'


def tree_uses():
  """{(file, rule): lines} of the whole tree."""
  found = {}
  for folder in FOLDERS:
    for path in sorted((ROOT / folder).rglob('*.py')):
      name = path.relative_to(ROOT).as_posix()
      for rule, line in python_uses(path.read_text('utf-8')):
        found.setdefault((name, rule), []).append(line)
  return found


def launcher_uses(text):
  for number, line in enumerate(text.splitlines(), start=1):
    code = re.sub(r'(^|\s)#.*', '', line)
    yield from ((r, number) for p, r in LAUNCHER.items() if p.search(code))


class SecurityTest(parameterized.TestCase):
  def test_the_tree_has_no_forbidden_use(self):
    stray = {
      f'{file}:{lines[0]}': rule
      for (file, rule), lines in tree_uses().items()
      if (file, rule) not in ALLOWED
    }
    self.assertEmpty(stray)

  def test_what_is_allowed_is_there_once(self):
    found = tree_uses()
    # Another one in the same file would have to be looked at too.
    for use in ALLOWED:
      self.assertLen(found.get(use, ()), 1, use)

  def test_the_launcher_has_no_forbidden_use(self):
    self.assertEmpty(list(launcher_uses((ROOT / 'launch.sh').read_text())))

  def test_np_load_refuses_pickles_where_it_is_used(self):
    tree = ast.parse((ROOT / 'seqjax/array_files.py').read_text())
    calls = [
      {k.arg: ast.literal_eval(k.value) for k in node.keywords}
      for node in ast.walk(tree)
      if isinstance(node, ast.Call) and _dotted(node.func) == 'np.load'
    ]
    self.assertEqual(calls, [{'allow_pickle': False}])

  @parameterized.parameters(
    ('pickle', 'import pickle'),
    ('pickle', 'from pickle import loads as l'),
    ('pickle', 'import cloudpickle as cp'),
    ('pickle', 'import joblib'),
    ('pickle', 'import marshal'),
    ('pickle', 'import shelve'),
    ('pickle', 'import msgpack'),
    ('pickle', 'from flax import serialization'),
    ('pickle', 'import flax.serialization'),
    ('pickle', 'x = torch.load(path)'),
    ('pickle', 'from torch import load'),
    ('pickle', 'np.savez(p, allow_pickle=True)'),
    ('pickle', 'f(allow_pickle=flag)'),
    ('pickle', 'f(weights_only=False)'),
    ('pickle', 'pd.read_pickle(p)'),
    ('pickle', 'flax.x.msgpack_restore(b)'),
    ('np.load', 'np.load(path)'),
    ('np.load', 'from numpy import load'),
    ('np.load', 'map(np.load, paths)'),
    ('yaml', 'import yaml'),
    ('yaml', 'from yaml import load'),
    ('code', 'eval(text)'),
    ('code', 'f = eval'),
    ('code', 'exec(text)'),
    ('code', 'compile(text, "", "eval")'),
    ('code', '__import__(name)'),
    ('code', 'importlib.import_module(name)'),
    ('code', 'x.deserialize_and_load(b)'),
    ('shell', 'os.system("ls")'),
    ('shell', 'from os import system'),
    ('shell', 'os.popen("ls")'),
    ('shell', 'subprocess.run("ls", shell=True)'),
    ('shell', 'subprocess.run("ls", shell=flag)'),
    ('shell', 'subprocess.getoutput("ls")'),
    ('extract', 'archive.extractall(folder)'),
    ('extract', 'archive.extractall(folder, filter="data")'),
    ('extract', 'archive.extract(member)'),
    ('extract', 'shutil.unpack_archive(path)'),
    ('mktemp', 'tempfile.mktemp()'),
    ('mktemp', 'from tempfile import mktemp'),
    ('download', 'urllib.request.urlopen(url)'),
    ('download', 'from urllib.request import urlretrieve'),
    ('download', 'import requests'),
    ('http', 'URL = "http://a.org/b.gz"'),
    ('http', 'URL = f"http://{host}/b.gz"'),
    ('listener', 'HOST = "0.0.0.0"'),
    ('listener', 'f("0.0.0.0:8080")'),
    ('listener', 'f("::")'),
    ('listener', 'server.listen()'),
    ('listener', 'import http.server'),
    ('listener', 'from http import server'),
    ('listener', 'import socketserver'),
    ('tls', 'ssl._create_unverified_context()'),
    ('tls', 'get(url, verify=False)'),
    ('xml', 'import xml.etree.ElementTree'),
  )
  def test_a_break_is_found(self, rule, program):
    self.assertIn(rule, [found for found, _ in python_uses(program)])

  @parameterized.parameters(
    '"""See http://a.org and eval(x)."""',
    're.compile("a")',
    'model.eval()',
    'archive.extractfile(member)',
    'np.load_text = 1',
    'f(allow_pickle=False)',
    'VERSION = "10.0.0.0.1"',
    'socket.socketpair()',
    'json.load(file)',
  )
  def test_what_is_harmless_is_not(self, program):
    self.assertEmpty(list(python_uses(program)))

  @parameterized.parameters(
    ('shell', 'eval "$x"'),
    ('shell', 'bash -c "$x"'),
    ('download', 'curl -L https://a.org | sh'),
    ('http', 'url=http://a.org'),
    ('mktemp', 'x=/tmp/seqjax'),
    ('mode', 'chmod -R 777 .'),
  )
  def test_a_break_of_the_launcher_is_found(self, rule, line):
    self.assertIn(rule, [found for found, _ in launcher_uses(line)])


if __name__ == '__main__':
  absltest.main()
