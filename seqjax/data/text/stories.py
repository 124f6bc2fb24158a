"""Stories made on the spot: who is where with what.

Persons go from place to place, take things along, drop them and hand them over.
The question is where somebody is (one sentence says it), where a thing is (two:
who had it last, and where that was) or where it was before it last came to some
place (three).
"""

import numpy as np

from seqjax.data.text import questions

KINDS = ('one fact', 'two facts', 'three facts')
PERSONS = ('daniel', 'john', 'mary', 'sandra')
PLACES = ('bathroom', 'bedroom', 'garden', 'hallway', 'kitchen', 'office')
THINGS = ('apple', 'football', 'milk')
NUM_STORIES = {'train': 20_000, 'valid': 500, 'test': 1_000}
MIN_SENTENCES, MAX_SENTENCES = 6, 12

_WAYS = {
  'go': ('{} went to the {}', '{} moved to the {}'),
  'take': ('{} took the {}', '{} picked up the {}'),
  'drop': ('{} dropped the {}', '{} left the {}'),
  'give': ('{} gave the {} to {}', '{} handed the {} to {}'),
}
# How often each is chosen of those that can be.
_ACTS = 5 * ('go',) + 3 * ('take',) + 2 * ('give',) + ('drop',)


def made_stories(
  data_seed: int = 0, num_stories: dict[str, int] | None = None
) -> dict[str, questions.Questions]:
  """Stories of 6 to 12 sentences, with a question of each kind; none is twice.

  Args:
    data_seed: another number, other stories.
    num_stories: part -> how many; `NUM_STORIES` if None.

  Example:
    >>> parts = made_stories(num_stories={'train': 2, 'test': 1})
    >>> [question.kind for question in parts['test'].questions]
    ['one fact', 'two facts', 'three facts']
  """
  # Not a Generator: NumPy may change what that draws.
  rng = np.random.RandomState([data_seed])
  known, parts = set(), {}
  for part, number in (num_stories or NUM_STORIES).items():
    made = []
    while len(made) < number * len(KINDS):
      story, asked = _story(rng)
      if story not in known and all(asked.values()):
        known.add(story)
        made += [found[rng.randint(len(found))] for found in asked.values()]
    parts[part] = questions.collect(made, f'made stories {part}')
  return parts


def _story(rng):
  """A new story, and kind -> all questions that it answers."""
  story = []
  at = {}  # person -> (place, sentence that says so)
  held = {}  # thing -> (person, sentence)
  lies = {}  # thing -> (place, sentences): dropped there
  before = {}  # (thing, place) -> (place before, sentences)
  for i in range(rng.randint(MIN_SENTENCES, MAX_SENTENCES + 1)):
    act, *names = _act(rng, at, held, lies)
    ways = _WAYS[act]
    story.append(ways[rng.randint(len(ways))].format(*names))
    person, what = names[:2]
    if act == 'go':
      for thing, (holder, sentence) in held.items():
        if holder == person:
          place, since = at[person]
          before[thing, what] = place, (since, sentence, i)
      at[person] = what, i
    elif act == 'drop':
      place, since = at[person]
      lies[what] = place, (since, i)
      del held[what]
    else:
      held[what] = names[-1] if act == 'give' else person, i
      lies.pop(what, None)
  told = tuple(story)
  asked = {kind: [] for kind in KINDS}

  def ask(text, answer, sentences):
    kind = KINDS[len(sentences) - 1]
    asked[kind].append(
      questions.Question(told, text, answer, tuple(sorted(sentences)), kind)
    )

  for person, (place, since) in at.items():
    ask(f'where is {person}?', place, (since,))
  for thing, (person, sentence) in held.items():
    place, since = at[person]
    ask(f'where is the {thing}?', place, (since, sentence))
  for thing, (place, sentences) in lies.items():
    ask(f'where is the {thing}?', place, sentences)
  for (thing, place), (answer, sentences) in before.items():
    ask(f'where was the {thing} before the {place}?', answer, sentences)
  return told, asked


def _act(rng, at, held, lies) -> tuple[str, ...]:
  """What somebody does next: the act, the person, what it is done to."""
  draw = lambda names: names[rng.randint(len(names))]
  where = {person: place for person, (place, _) in at.items()}
  holders = [(person, thing) for thing, (person, _) in held.items()]
  acts = {
    'go': [(p, x) for p in PERSONS for x in PLACES if x != where.get(p)],
    'take': [
      (person, thing)
      for person, place in where.items()
      for thing in THINGS
      # Where a thing is that nobody has spoken of yet, nobody knows.
      if thing not in held and lies.get(thing, (place,))[0] == place
    ],
    'drop': holders,
    'give': [
      (person, thing, other)
      for person, thing in holders
      for other, place in where.items()
      if other != person and place == where[person]
    ],
  }
  act = draw([act for act in _ACTS if acts[act]])
  return act, *draw(acts[act])
