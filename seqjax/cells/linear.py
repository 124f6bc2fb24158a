"""Recurrences that are linear in their carry: carry_t = a_t * carry_tm1 + b_t.

a_t and b_t are functions of the input alone, so that all steps can be had at
once by an associative scan (`recurrence.associative`).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Complex(NamedTuple):
  """A complex number as two real arrays, which every optimizer understands."""

  re: jax.Array
  im: jax.Array


def times(a, b):
  """a * b leaf by leaf; pairs `Complex` multiply as complex numbers."""

  def multiply(a, b):
    if isinstance(a, Complex):
      return Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
    return a * b

  return jax.tree.map(multiply, a, b, is_leaf=lambda x: isinstance(x, Complex))


def ones_like(carry):
  """What leaves a carry as it is when `times` multiplies it."""

  def one(x):
    if isinstance(x, Complex):
      return Complex(jnp.ones_like(x.re), jnp.zeros_like(x.im))
    return jnp.ones_like(x)

  return jax.tree.map(one, carry, is_leaf=lambda x: isinstance(x, Complex))


def update_by(linear: Callable, read: Callable) -> Callable:
  """The `update` of a linear cell, from its coefficients.

  Args:
    linear: (params, u_t) -> (a_t, b_t).
    read: (carry_t, u_t) -> y_t.
  """

  def update(params, carry, u_t):
    a_t, b_t = linear(params, u_t)
    carry_t = jax.tree.map(jnp.add, times(a_t, carry), b_t)
    return carry_t, read(carry_t, u_t)

  return update
