"""The kind of every token of real Python source: data for tagging, embedded.

The word itself does not say its kind: `run` is a function where it is defined,
called, passed on or imported, and a method, an attribute, a parameter or the
name of an argument elsewhere; `*` multiplies, unpacks, or ends a list of
parameters.
"""

import ast
import importlib.util
import io
import keyword
import re
import tokenize

from seqjax import errors
from seqjax.data.text import conll

# Modules that CPython 3.11 and later carry as one file of source each. Held out
# are whole modules, because neighbouring lines share their names.
PARTS = {
  'train': (
    *('calendar', 'cmd', 'configparser', 'csv', 'dataclasses', 'difflib'),
    *('filecmp', 'fileinput', 'gettext', 'gzip', 'optparse', 'random'),
    *('shutil', 'socketserver', 'textwrap'),
  ),
  'valid': ('fractions', 'pprint', 'queue'),
  'test': ('graphlib', 'netrc', 'sched', 'tempfile', 'threading'),
}
# Tokens that are no words of a line.
_LAYOUT = (
  *(tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT),
  tokenize.ENDMARKER,
)
_CONSTANTS = ('False', 'None', 'True')
_DEFINITIONS = {'def': 'function', 'class': 'class'}
_PREFIXES = {'*': 'star', '**': 'star', '+': 'sign', '-': 'sign', '~': 'sign'}
_MARKS = (*'()[]{},:;.@=', '->', '...')


def python_tokens(part: str) -> conll.Tagged:
  """The logical lines of some modules of the standard library, as sentences.

  Comments and line ends are left out, and of a string only its prefix and its
  quotation marks are kept, as in `r''`. A line of one token, such as `pass` or
  a docstring, is kept too. The kinds:

    keyword, constant (True, False, None), number, string, ellipsis, mark
    name, target     that is read, or set
    function, class  that is defined here; parameter of a function
    call, method     that is called: by its name, or on an object
    attribute        of an object, and not called
    argument         the name of one, in a call
    module           or what is imported from one
    operator, sign   between two operands, or before one
    star             that unpacks, or stands in a list of parameters

  Sources differ between Python versions, so a run records the hash.

  Args:
    part: 'train', 'valid' or 'test'; each has modules of its own.

  Raises:
    UserError: this Python was packaged without the sources of its library.
  """
  tagged = [line for name in PARTS[part] for line in kinds(_source(name))]
  return conll.collect(tagged, 'python_source')


def words(text: str) -> list[tuple[str, ...]]:
  """The words of each logical line of `text`, as `python_tokens` has them.

  The text need not make sense, as long as its brackets and quotes close.

  Raises:
    UserError: they do not.

  >>> words('total = f(x,  "a b")  # all')
  [('total', '=', 'f', '(', 'x', ',', '""', ')')]
  """
  try:
    return [
      tuple(word for _, word in line)
      for line in _logical_lines(text.strip() + '\n')
    ]
  except (tokenize.TokenError, SyntaxError) as error:
    raise errors.UserError(
      f'expected Python source, got a text that does not divide into tokens '
      f'({error.args[0]}).'
    ) from error


def kinds(source: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
  """Words and kinds of each logical line of a module's source.

  >>> (words, tags), *_ = kinds('y = f(*x, k=-1).real')
  >>> words
  ('y', '=', 'f', '(', '*', 'x', ',', 'k', '=', '-', '1', ')', '.', 'real')
  >>> tags[:6]
  ('target', 'mark', 'call', 'mark', 'star', 'name')
  >>> tags[6:]
  ('mark', 'argument', 'mark', 'sign', 'number', 'mark', 'mark', 'attribute')
  """
  placed = _identifiers(source)
  tagged = []
  for line in _logical_lines(source):
    words = tuple(word for _, word in line)
    tags = tuple(
      placed.get(place) or _kind(word, before, words[0])
      for (place, word), before in zip(line, ('', *words), strict=False)
    )
    tagged.append((words, tags))
  return tagged


def _identifiers(source):
  """(row, byte) -> kind, of the names that are nodes of the syntax tree."""
  found = {}
  nodes = [ast.parse(source)]
  for node in nodes:  # It grows meanwhile: a parent comes before its children.
    start = getattr(node, 'lineno', 0), getattr(node, 'col_offset', 0)
    match node:
      case ast.Call(func=ast.Name() as name):
        found[name.lineno, name.col_offset] = 'call'
      case ast.Call(func=ast.Attribute() as attribute):
        found[_end(attribute)] = 'method'
      case ast.Attribute():
        found.setdefault(_end(node), 'attribute')
      case ast.Name():
        read = isinstance(node.ctx, ast.Load)
        found.setdefault(start, 'name' if read else 'target')
      case ast.arg():
        found[start] = 'parameter'
      case ast.keyword(arg=str()):
        found[start] = 'argument'
    nodes += ast.iter_child_nodes(node)
  return found


def _end(attribute):
  width = len(attribute.attr.encode())
  return attribute.end_lineno, attribute.end_col_offset - width


def _kind(word, before, first):
  """Of a word that the syntax tree does not place.

  Args:
    word: it.
    before: the word before it in its line, '' for none.
    first: the first word of its line.
  """
  if word in _CONSTANTS:
    return 'constant'
  if word.isidentifier():
    if keyword.iskeyword(word):
      return 'keyword'
    if before in _DEFINITIONS:
      return _DEFINITIONS[before]
    if first in ('from', 'import'):
      return 'module'
    if first in ('global', 'nonlocal'):
      return 'name'
    soft = keyword.issoftkeyword(word) and before != 'as'
    return 'keyword' if soft else 'target'  # As in `case name` and `as name`.
  if word[-1] in '\'"':
    return 'string'
  if word[0].isdigit() or word[0] == '.' and word[1:2].isdigit():
    return 'number'
  if word in _PREFIXES and not _ends_operand(before):
    return _PREFIXES[word]
  return 'mark' if word in _MARKS else 'operator'


def _ends_operand(word):
  if word.isidentifier():
    return word in _CONSTANTS or not keyword.iskeyword(word)
  return word[-1:] in (*')]}\'"', '.') or word[:1].isdigit()


def _logical_lines(source):
  """Yields [((row, byte), word), ...] of each logical line."""
  rows = source.split('\n')
  line, depth = [], 0
  for token in tokenize.generate_tokens(io.StringIO(source).readline):
    name, word = tokenize.tok_name[token.type], token.string
    if token.type == tokenize.ERRORTOKEN:
      row, column = token.start
      raise SyntaxError(f'none begins in line {row}, column {column + 1}')
    depth -= name.endswith('STRING_END')
    inside, depth = depth, depth + name.endswith('STRING_START')
    if inside or name.endswith('STRING_END') or token.type in _LAYOUT:
      continue  # Since 3.12 a formatted string is many tokens.
    if token.type == tokenize.NEWLINE:
      yield line
      line = []
      continue
    if token.type == tokenize.STRING or name.endswith('STRING_START'):
      prefix = re.match(r'\w*', word)[0]
      word = prefix + 2 * word[len(prefix)]
    row, column = token.start
    place = row, len(rows[row - 1][:column].encode())
    line.append((place, word))


def _source(name):
  """The source of a module, which is found and not run."""
  spec = importlib.util.find_spec(name)
  source = spec and spec.loader.get_source(name)
  if source is None:
    raise errors.UserError(
      f'this Python carries no source of its module {name}: give files of your '
      'own, or use another Python.'
    )
  return source
