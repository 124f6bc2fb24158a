"""A stack of recurrent layers in one or two directions, as a Flax module."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import cells, errors, recurrence
from seqjax.cells import noisy, regularizers
from seqjax.layers import drop

MERGES = {
  'concat': lambda a, b: jnp.concatenate([a, b], axis=-1),
  'sum': jnp.add,
  'mean': lambda a, b: (a + b) / 2,
  'product': jnp.multiply,
}
# Folded into a direction's key. A small number would give one of the keys that
# splitting it gives to the leaves of an initial carry.
_NOISE = 2**16
INITIAL_CARRIES = ('zero', 'normal', 'learned')


class Recurrent(nn.Module):
  """A stack of recurrent layers, one or two directions.

  Attributes:
    cell: e.g. `cells.lstm()`.
    hidden_sizes: H of every layer; widths may differ.
    bidirectional: each layer reads both ways under the same mask.
    reverse: read from right to left; outputs stay in their order.
    merge: how the two directions become one output: 'concat' (width 2H), 'sum',
      'mean' or 'product'.
    residual: every layer from the second on adds its input to its output, via a
      learned matrix where the widths differ.
    variational: dropout draws one mask per sequence instead of one per step.
    rates: a `regularizers.Rates` of the other regularisers, for calls that do
      not give their own. In evaluation zoneout takes its expectation, for which
      it needs its rate there too.
    candidate_per_step: dropout of the candidate draws one mask per step instead
      of one per sequence.
    initial_carry: 'zero'; 'normal', drawn per sequence when training, and zero,
      its mean, in evaluation; or 'learned', one vector per layer.
    initial_scale: standard deviation of 'normal'.
    init_options: numbers for the cell's `init`, e.g. {'forget_bias': 1.0}.
    compute_dtype: of the matrix products, e.g. jnp.bfloat16; None leaves the
      dtype of the parameters. Carries and biases stay as they are.
    engine: as in `recurrence.unroll`.
  """

  cell: cells.Cell
  hidden_sizes: tuple[int, ...]
  bidirectional: bool = False
  reverse: bool = False
  merge: str = 'concat'
  residual: bool = False
  variational: bool = False
  rates: regularizers.Rates = regularizers.Rates()
  candidate_per_step: bool = False
  initial_carry: str = 'zero'
  initial_scale: float = 1.0
  init_options: Mapping[str, Any] | None = None
  compute_dtype: Any = None
  engine: str = 'auto'

  def __post_init__(self):
    cells.require_cell(self.cell)
    if self.merge not in MERGES:
      raise errors.unknown('merge', self.merge, MERGES)
    if self.initial_carry not in INITIAL_CARRIES:
      raise errors.unknown('initial_carry', self.initial_carry, INITIAL_CARRIES)
    if self.bidirectional and self.reverse:
      raise errors.UserError(
        'A bidirectional layer reads both ways already: leave reverse=False.'
      )
    sizes = self.hidden_sizes
    if isinstance(sizes, int) or not sizes or min(sizes) < 1:
      raise errors.UserError(
        'hidden_sizes needs one width of at least 1 for each layer, as in '
        f'(128, 64); got {sizes!r}.'
      )
    if not isinstance(self.rates, regularizers.Rates):
      raise errors.UserError(
        'rates must be regularizers.Rates(zoneout_h_rate=0.1, ...); got '
        f'{self.rates!r}.'
      )
    regularizers.check(**self.rates._asdict())
    known = list(inspect.signature(self.cell.init).parameters)[3:]
    for name in self.init_options or {}:
      if name not in known:
        raise errors.unknown('init option of this cell', name, known)
    super().__post_init__()

  @nn.compact
  def __call__(
    self,
    xs,
    carry=None,
    *,
    mask=None,
    resets=None,
    key=None,
    dropout_rate=0.0,
    rates=None,
    context=None,
  ) -> recurrence.Unrolled:
    """Runs the stack.

    Args:
      xs: [T, B, D].
      carry: what the previous chunk returned; None begins anew.
      mask, resets: [T, B] bool, as in `recurrence.unroll`.
      key: PRNG key of this call; None for evaluation.
      dropout_rate: between the layers; may be traced.
      rates: a mapping of names of `regularizers.Rates` to numbers, which may be
        traced; each takes the place of the attribute's.
      context: [B, E], what is known of a sequence before it begins: a learned
        linear map of it is added to the initial carry of every layer.

    Returns:
      `Unrolled`: outputs [T, B, H of the last layer, twice that for 'concat'];
      carry and carries are tuples over layers, of pairs (forward, backward)
      where bidirectional.
    """
    unknown = set(rates or ()) - set(self.rates._fields)
    if unknown:
      raise errors.unknown('rate', unknown.pop(), self.rates._fields)
    rates = self.rates._replace(**(rates or {}))
    regularizers.check(dropout_rate=dropout_rate, **rates._asdict())
    last_carries, all_carries = [], []
    for layer, hidden_size in enumerate(self.hidden_sizes):
      key_layer = None if key is None else jax.random.fold_in(key, layer)
      key_dropout, key_carry = (
        (None, None) if key is None else jax.random.split(key_layer)
      )
      if layer:
        xs = drop.dropout(
          key_dropout, xs, dropout_rate, same_over_time=self.variational
        )
      ys, last, every = self._layer(
        f'layer_{layer}',
        hidden_size,
        xs,
        None if carry is None else carry[layer],
        mask,
        resets,
        key_carry,
        rates,
        context,
      )
      if layer and self.residual:
        ys = self._shortcut(layer, xs, ys)
      xs = ys
      last_carries.append(last)
      all_carries.append(every)
    return recurrence.Unrolled(xs, tuple(last_carries), tuple(all_carries))

  def _shortcut(self, layer, xs, ys):
    # No bias: what is zero in the padding stays zero.
    if xs.shape[-1] != ys.shape[-1]:
      xs = nn.Dense(ys.shape[-1], use_bias=False, name=f'shortcut_{layer}')(xs)
    return ys + xs

  def _layer(
    self, name, hidden_size, xs, carry, mask, resets, key, rates, context
  ):
    """One layer in its one or two directions."""
    run = functools.partial(
      self._direction,
      hidden_size=hidden_size,
      xs=xs,
      mask=mask,
      resets=resets,
      rates=rates,
      context=context,
    )
    if not self.bidirectional:
      return run(name, carry=carry, key=key, reverse=self.reverse)
    forward, backward = (None, None) if carry is None else carry
    keys = (None, None) if key is None else jax.random.split(key)
    a = run(f'{name}_forward', carry=forward, key=keys[0], reverse=False)
    b = run(f'{name}_backward', carry=backward, key=keys[1], reverse=True)
    return recurrence.Unrolled(
      MERGES[self.merge](a.outputs, b.outputs),
      (a.carry, b.carry),
      (a.carries, b.carries),
    )

  def _direction(
    self,
    name,
    hidden_size,
    xs,
    carry,
    mask,
    resets,
    key,
    rates,
    context,
    reverse,
  ):
    x_t = jax.ShapeDtypeStruct(xs.shape[2:], xs.dtype)
    params = self.param(
      name,
      lambda k: self.cell.init(
        k, x_t, hidden_size, **(self.init_options or {})
      ),
    )
    initial = self._initial_carry(name, params, x_t, xs.shape[1], key, context)
    keys = (None,) * 4
    if key is not None:
      keys = jax.random.split(jax.random.fold_in(key, _NOISE), 4)
    xs = drop.dropout(
      keys[0], xs, rates.input_dropout_rate, same_over_time=True
    )
    params = regularizers.drop_connect(
      keys[1], params, rates.weight_dropout_rate
    )
    params = regularizers.weight_noise(keys[2], params, rates.weight_noise)
    if self.compute_dtype is not None:
      params = cells.with_matrices_in(self.compute_dtype, params)
    cell, xs = noisy.with_noise(
      keys[3],
      self.cell,
      params,
      xs,
      rates,
      candidate_per_step=self.candidate_per_step,
    )
    return recurrence.unroll(
      cell,
      params,
      xs,
      carry,
      mask=mask,
      resets=resets,
      reverse=reverse,
      engine=self.engine,
      initial_carry=initial,
    )

  def _initial_carry(self, name, params, x_t, batch_size, key, context):
    """The carry of every row before a document, [B, ...]."""
    carry = self.cell.carry(params, x_t)
    if self.initial_carry == 'learned':
      carry = self.param(f'{name}_initial', lambda _: carry)
    carry = jax.tree.map(
      lambda c: jnp.broadcast_to(c, (batch_size, *c.shape)), carry
    )
    if self.initial_carry == 'normal' and key is not None:
      leaves, structure = jax.tree.flatten(carry)
      keys = jax.random.split(key, len(leaves))
      carry = structure.unflatten(
        [
          c + self.initial_scale * jax.random.normal(k, c.shape, c.dtype)
          for k, c in zip(keys, leaves, strict=True)
        ]
      )
    if context is not None:
      leaves, structure = jax.tree.flatten(carry)
      carry = structure.unflatten(
        [
          c + self._said_by(context, c[0], f'{name}_context_{i}')
          for i, c in enumerate(leaves)
        ]
      )
    return carry

  def _said_by(self, context, c, name):
    """What the context adds to a part of the carry of every row."""
    # No bias: that is what a learned initial carry is.
    said = nn.Dense(c.size, use_bias=False, name=name)(context)
    return said.reshape(-1, *c.shape).astype(c.dtype)
