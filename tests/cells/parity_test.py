"""torch's numbers, worked by hand; see also tests/exchange/parity_test.py."""

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest

from seqjax import cells, recurrence


class WorkedExampleTest(absltest.TestCase):
  def test_the_elman_network_worked_by_hand(self):
    """torch.manual_seed(1); torch.nn.RNN(5, 2) on fives of 1, 2 and 3.

    The numbers are torch's weights and, to the last digit, its outputs.
    """
    params = cells.ElmanParams(
      w_x=jnp.array(
        [
          [0.364346087, -0.312101543, -0.137080774, 0.331893951, -0.665696383],
          [0.42406413, -0.145469755, 0.359736234, 0.0982998535, -0.0865810886],
        ]
      ).T,
      w_h=jnp.array(
        [[0.196123779, 0.0348828398], [0.258255303, -0.27556023]]
      ).T,
      b=jnp.array([-0.0515542775 + 0.10249085, -0.0636589378 - 0.0028247661]),
    )
    xs = jnp.broadcast_to(jnp.arange(1.0, 4.0)[:, None, None], (3, 1, 5))
    ys = recurrence.unroll(cells.elman(), params, xs).outputs
    np.testing.assert_allclose(
      ys[:, 0],
      [
        [-0.3519801, 0.52525216],
        [-0.68424344, 0.76074266],
        [-0.8649416, 0.90466356],
      ],
      # The numbers were printed to eight digits from float32.
      rtol=3e-7,
    )


if __name__ == '__main__':
  absltest.main()
