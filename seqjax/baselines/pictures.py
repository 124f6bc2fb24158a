"""What a picture is like, without a network."""

import numpy as np


def nearest_picture(train: np.ndarray, asked: np.ndarray) -> np.ndarray:
  """The picture to learn from whose pixels differ least, by their squares.

  Args:
    train: [N, ...] pictures of one size.
    asked: [M, ...] pictures of that size.

  Returns:
    [M] integers in [0, N).

  Example:
    >>> nearest_picture(np.array([[0, 9], [9, 0]]), np.array([[8, 3]]))
    array([1])
  """
  from sklearn import neighbors

  flat = [x.reshape(len(x), -1).astype(np.float32) for x in (train, asked)]
  index = neighbors.NearestNeighbors(n_neighbors=1, algorithm='brute')
  return index.fit(flat[0]).kneighbors(flat[1], return_distance=False)[:, 0]
