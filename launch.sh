#!/usr/bin/env bash
# The front door: installs on the first call, then runs what is named.
# An active environment in which seqjax is installed is used as it is. Else:
#   SEQJAX_PYTHON=python3   use this interpreter and install nothing
#   SEQJAX_EXTRAS=cuda13    install these extras too (commas between them)
#   SEQJAX_VENV=DIR         install into DIR instead of .venv
set -euo pipefail
root=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

die() { # message [exit code]: 1 is the user's to mend, 75 may pass by itself
  printf '%s\n' "$1" >&2
  exit "${2:-1}"
}

names() { # folder -> the modules in it that can be run
  find "$root/$1" -maxdepth 1 -name '[a-z]*.py' 2>/dev/null |
    sed 's|.*/||; s|\.py$||' | sort
}

list() { # folder -> the same, each with the first line of its docstring
  local name
  for name in $(names "$1"); do
    printf '  %-18s %s\n' "$name" \
      "$(sed -n '/"""/{s/^[^"]*"""//;s/""".*//;p;q;}' "$root/$1/$name.py")"
  done
}

usage() {
  cat <<END
./launch.sh EXPERIMENT [--flag=value ...]    (--help after it lists its flags)
./launch.sh --max_restarts=N EXPERIMENT ...  (starts it again after a crash)
./launch.sh sweep EXPERIMENT --grid=...      (many trials; --help after it says more)
./launch.sh test [--slow] [argument ...]     (arguments and paths of pytest)
./launch.sh bench BENCHMARK [--flag=value ...]
./launch.sh doctor [--cells=lstm,gru]        (what this machine computes, how exactly)
./launch.sh exchange --from=... --to=...     (weights of other frameworks; --help)

Experiments:
$(list experiments)
Benchmarks:
$(list benchmarks)
END
}

find_python() { # -> base, an interpreter that can make an environment
  for base in python3 python3.13 python3.12 python3.11 python; do
    # Run, not looked up: the shim of a version manager may lead nowhere.
    "$base" -c 'import sys, ensurepip, venv
sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
  done
  return 1
}

unknown() { # kind name known... -> a sentence, with a guess where one is near
  local guess=
  find_python && guess=$("$base" -c 'import difflib, sys
print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], 1))' "${@:2}")
  echo "Unknown $1 '$2'.${guess:+" Did you mean '$guess'?"}"
}

require() { # kind folder name [other known names ...]
  # The pattern keeps a name from being a path out of the folder.
  [[ $3 =~ ^[a-z][a-z0-9_]*$ && -f $root/$2/$3.py ]] && return
  # shellcheck disable=SC2046  # every name is a word of its own
  die "$(unknown "$1" "$3" $(names "$2") "${@:4}")
$(list "$2")"
}

missing() { # interpreter module ... -> the modules that it lacks
  # Looked for, not imported: importing jax would cost every start seconds.
  "$1" -c 'import importlib.util, sys
if sys.version_info < (3, 11):
  sys.exit(1)
sys.path = [path for path in sys.path if path]  # less the current directory
def is_missing(name):
  try:
    return importlib.util.find_spec(name) is None
  except ModuleNotFoundError:  # of the package that name is in
    return True
print(*filter(is_missing, sys.argv[1:]), sep=", ")' "${@:2}" 2>/dev/null
}

absolute() { # path -> the same from the root, links not followed
  [[ $1 == /* ]] && echo "$1" || echo "$PWD/$1"
}

stamp() { # what a finished installation depends on; the interpreter first
  echo "$("$venv/bin/python" -V 2>/dev/null) $extras" \
    "$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)"
}

is_installed() {
  [[ -f $venv/stamp && $(<"$venv/stamp") == "$(stamp)" ]]
}

failed() {
  tail -n 20 "$venv.log" >&2
  if grep -qiE 'NewConnectionError|name resolution|dns error|timed out|broken by' \
    "$venv.log"; then
    die 'The installation did not reach the network: try again later.' 75
  fi
  die "The installation failed: its end is above, all of it in $venv.log"
}

build() {
  # The stamp marks what is ours to delete; while it is empty, it is half made.
  if [[ ! -f $venv/stamp && -n $(ls -A "$venv" 2>/dev/null) ]]; then
    die "$venv was not made by launch.sh, which leaves it as it is: move it \
away, or use it with SEQJAX_PYTHON=$venv/bin/python."
  fi
  echo "Installing into $venv: once, for about a minute." >&2
  # What was complete is updated in place, because a run may be using it; what
  # never was, or has lost its interpreter, is made anew.
  if [[ ! -f $venv/stamp ||
    $(<"$venv/stamp") != "$("$venv/bin/python" -V 2>/dev/null) "* ]]; then
    rm -rf "$venv"
    mkdir "$venv"
    : >"$venv/stamp"
    "$base" -m venv "$venv" >"$venv.log" 2>&1 || failed
  fi
  cd "$root"
  local what=(-e ".[$extras]" -c constraints.txt) python=$venv/bin/python
  { uv pip install --python "$python" "${what[@]}" ||
    "$python" -m pip install "${what[@]}"; } >"$venv.log" 2>&1 || failed
  stamp >"$venv/stamp"  # last: what was killed before is done again
}

install() { # -> venv, a complete environment
  local known extra folder
  extras=test${SEQJAX_EXTRAS:+,$SEQJAX_EXTRAS}
  venv=$root/.venv
  [[ -w $root ]] || venv=${XDG_CACHE_HOME:-$HOME/.cache}/seqjax/venv-$(
    cksum <<<"$root" | cut -d ' ' -f 1)
  venv=$(absolute "${SEQJAX_VENV:-$venv}")
  if is_installed; then return; fi

  known=$(sed -n '/^\[project.opt/,/^\[tool/s/^\([a-z0-9]*\) = .*/\1/p' \
    "$root/pyproject.toml" | xargs)
  for extra in ${extras//,/ }; do
    # shellcheck disable=SC2086  # every name is a word of its own
    [[ " $known " == *" $extra "* ]] ||
      die "$(unknown extra "$extra" $known) SEQJAX_EXTRAS may be: $known."
  done
  find_python || die 'Found no Python of 3.11 or later with its venv module:
install python3.11 or later (on Debian and Ubuntu python3-venv as well).'
  folder=$(dirname "$venv")
  mkdir -p "$folder" 2>/dev/null && [[ -w $folder ]] || die \
    "Cannot write to $folder: set SEQJAX_VENV to a folder to install into."
  (
    # A lock as of flock(1), which not every system has. The installer holds it
    # too, should it outlive this shell.
    "$base" -c 'import fcntl, sys
try:
  fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
  print("Waiting for another installation to end.", file=sys.stderr)
  fcntl.flock(9, fcntl.LOCK_EX)'
    is_installed || build
  ) 9>"$venv.lock"
}

# What is asked for. A mistake in a name shows before anything is installed.
needs=(absl flax jax matplotlib numpy optax orbax.checkpoint rich)
folder=$PWD  # stays the current one, for the relative paths in flags
case ${1:-help} in
  help | -h | --help) usage && exit ;;
  test)
    needs+=(pytest xdist)
    folder=$root  # where pytest finds its settings and the paths it is given
    marks='not slow'
    shift
    for argument; do  # each is taken from the front and, if kept, put at the end
      shift
      if [[ $argument == --slow ]]; then marks=; else set -- "$@" "$argument"; fi
    done
    [[ $# -gt 0 ]] || set -- -n auto # everything: on all cores
    set -- pytest -m "$marks" "$@"
    ;;
  bench)
    [[ $# -gt 1 ]] || { usage && exit; }
    require benchmark benchmarks "$2"
    set -- "benchmarks.$2" "${@:3}"
    ;;
  doctor | exchange) set -- "seqjax.$1" "${@:2}" ;;
  sweep)
    [[ ${2:-} == -* || -z ${2:-} ]] ||
      require experiment experiments "$2"
    set -- seqjax.sweeps "${@:2}"
    ;;
  --max_restarts=*)
    require experiment experiments "${2:-}"
    set -- seqjax.supervisor "$1" -- "experiments.$2" "${@:3}"
    ;;
  *)
    require experiment experiments "$1" bench doctor exchange help sweep test
    set -- "experiments.$1" "${@:2}"
    ;;
esac

# What runs it.
active=${VIRTUAL_ENV:-${CONDA_PREFIX:-/none}}/bin/python
if [[ -n ${SEQJAX_PYTHON:-} ]]; then
  python=$SEQJAX_PYTHON
  lacks=$(missing "$python" "${needs[@]}") ||
    die "SEQJAX_PYTHON=$python is no Python of 3.11 or later that runs."
  [[ -z $lacks ]] || die "SEQJAX_PYTHON=$python lacks $lacks: install it there \
('pip install .[test] -c constraints.txt' in $root), or unset SEQJAX_PYTHON."
elif lacks=$(missing "$active" "${needs[@]}" seqjax) && [[ -z $lacks ]]; then
  python=$active
else
  install
  python=$venv/bin/python
fi

# -P: a folder of the caller's named experiments does not pass for ours.
# exec: signals arrive at Python itself.
python=$(absolute "$(command -v "$python")")
cd "$folder"
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" -P -m "$@"
