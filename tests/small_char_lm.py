"""A character model that trains in no time, by its flags."""

TEXT = 'the cat sat on the mat, and the dog ate the log.\n' * 20
SMALL = (
  *('--workdir=mine', '--text_file=text.txt', '--cell=elman', '--length=9'),
  *('--hidden_size=4', '--embedding_size=3', '--batch_size=5'),
  *('--update_every=8', '--eval_every=2'),
)
