"""Trials on real nodes of Ray: `ray_nodes.py killed|alone FOLDER`."""

import collections
import os
import pathlib
import re
import sys

from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import ray_cluster


def make_trials(folder, count):
  from experiments import char_lm

  text = folder / 'text.txt'
  text.write_text('the cat sat on the mat, and the dog ate the log.\n' * 40)
  settings = {
    'text_file': str(text),
    'steps': 5,
    'hidden_size': 8,
    'batch_size': 4,
  }
  return [
    trials.make(char_lm.Config, settings | {'seed': seed})
    for seed in range(count)
  ]


def run(engine, waiting, after_three=None):
  """How often each trial ended, and how many were lost in between."""
  ended, lost, count = collections.Counter(), 0, len(waiting)
  while len(ended) < count:
    while waiting and engine.free():
      engine.submit([waiting.pop(0)])
    for trial, outcome in engine.wait():
      if outcome.status == 'lost':
        lost += 1
        waiting.append(trial)
      else:
        assert outcome.status == 'done', outcome
        ended[trial.name] += 1
    if after_three and len(ended) >= 3:
      after_three()
      after_three = None
  assert set(ended.values()) == {1}, ended
  return f'{count} trials, each once; {lost} lost'


def killed(folder):
  """Two nodes of two cores, of which one is killed while it works."""
  ray_cluster.library('cluster')
  from ray import cluster_utils

  head = {'num_cpus': 0, 'include_dashboard': False}
  cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
  try:
    nodes = [cluster.add_node(num_cpus=2) for _ in range(2)]
    with ray_cluster.Ray(engines.Job('char_lm', folder), cluster.address) as x:
      assert x.free() == 4, x.free()
      kill = lambda: cluster.remove_node(nodes[1], allow_graceful=False)
      print(run(x, make_trials(folder, 16), kill))
  finally:
    cluster.shutdown()


def alone(folder):
  with ray_cluster.Ray(engines.Job('char_lm', folder), places=2) as engine:
    said = run(engine, make_trials(folder, 6))
    print(said, ' '.join(sorted(_listening())), sep='; ')


def _listening():
  """The addresses at which processes of Ray that this one began listen."""
  inodes = set()
  for process in pathlib.Path('/proc').glob('[0-9]*'):
    try:
      if os.getsid(int(process.name)) != os.getsid(0):
        continue  # Nothing of ours, and perhaps not ours to look into.
      if re.search(b'ray|gcs_server', (process / 'cmdline').read_bytes()):
        links = [os.readlink(x) for x in (process / 'fd').iterdir()]
        inodes |= {x[8:-1] for x in links if x.startswith('socket:[')}
    except (FileNotFoundError, ProcessLookupError):  # It has ended.
      continue
  found = set()
  for table in ('tcp', 'tcp6'):
    for line in pathlib.Path('/proc/net', table).read_text().splitlines()[1:]:
      words = line.split()
      if words[3] == '0A' and words[9] in inodes:
        found.add(words[1].split(':')[0])
  names = {
    '0100007F': '127.0.0.1',
    '0000000000000000FFFF00000100007F': '127.0.0.1',
  }
  return {names.get(address, address) for address in found}


if __name__ == '__main__':
  mode, folder = sys.argv[1:]
  {'killed': killed, 'alone': alone}[mode](pathlib.Path(folder))
