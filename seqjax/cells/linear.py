"""Recurrences that are linear in their carry: carry_t = a_t * carry_tm1 + b_t.

a_t and b_t are functions of the input alone, so that all steps can be had at
once by an associative scan (`recurrence.associative`).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax.cells import cell as cell_lib


class Complex(NamedTuple):
  """A complex number as two real arrays, which every optimizer understands."""

  re: jax.Array
  im: jax.Array


def _each(function, *trees):
  """`function` of leaves, where a pair `Complex` is one leaf."""
  return jax.tree.map(
    function, *trees, is_leaf=lambda x: isinstance(x, Complex)
  )


def times(a, b):
  """a * b leaf by leaf; pairs `Complex` multiply as complex numbers."""

  def multiply(a, b):
    if isinstance(a, Complex):
      return Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
    return a * b

  return _each(multiply, a, b)


def passed_on(a, b):
  """`times`, and 0 where a is 0: what is forgotten may have been no number."""

  def forget(a, b):
    if isinstance(a, Complex):
      gone = (a.re == 0) & (a.im == 0)
      return Complex(*(jnp.where(gone, 0, x) for x in b))
    return jnp.where(a == 0, 0, b)

  return times(a, _each(forget, a, b))


def conjugate(a):
  """a with its imaginary parts negated; what is real stays."""
  return _each(
    lambda a: Complex(a.re, -a.im) if isinstance(a, Complex) else a, a
  )


def ones_like(carry):
  """What leaves a carry as it is when `times` multiplies it."""

  def one(x):
    if isinstance(x, Complex):
      return Complex(jnp.ones_like(x.re), jnp.zeros_like(x.im))
    return jnp.ones_like(x)

  return _each(one, carry)


def _of_project(params, u_t):
  del params
  return u_t


def cell(
  init: Callable,
  carry: Callable,
  project: Callable,
  coefficients: Callable = _of_project,
  *,
  read: Callable = lambda carry_t, u_t: carry_t.h,
  readout: Callable | None = None,
) -> cell_lib.Cell:
  """A `Cell` of a linear recurrence.

  Args:
    init, carry, project, readout: as in `Cell`.
    coefficients: (params, u_t) -> (a_t, b_t); by default they are u_t.
    read: (carry_t, u_t) -> y_t; by default `h` of the carry.
  """

  def update(params, carry, u_t):
    a_t, b_t = coefficients(params, u_t)
    carry_t = jax.tree.map(jnp.add, times(a_t, carry), b_t)
    return carry_t, read(carry_t, u_t)

  return cell_lib.Cell(
    init, carry, project, None, update, readout, coefficients
  )
