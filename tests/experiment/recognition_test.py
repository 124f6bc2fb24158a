"""Tests for seqjax.experiment.recognition."""

import contextlib
import io

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import data, errors
from seqjax.data.audio import tones
from seqjax.experiment import recognition

SYMBOLS = data.Vocabulary(('\ufffd', 'a', 'b', ' '))


def config(**settings):
  return recognition.Config(num_mels=20, **settings)


def part(*texts, length=6):
  steps = [np.full((length, 60), i, np.float32) for i in range(len(texts))]
  return recognition.Part(steps, texts)


class PartTest(parameterized.TestCase):
  def test_only_what_is_learnt_from_is_changed(self):
    whole = tones.tones(num_speakers=1, num_takes=2)
    sizes = {'passes': 3, 'min_joined': 2, 'max_joined': 2}
    once = config(**sizes, speed_change=0.2)
    learnt = recognition.make_part(once, whole, learns=True)
    self.assertLen(learnt.texts, 3 * 6)
    measured = recognition.make_part(once, whole)
    self.assertLen(measured.texts, 4 * 6)
    self.assertEqual(measured.steps[0].shape[1], 3 * 20)
    plain = recognition.make_part(config(**sizes), whole, learns=True)
    unchanged = recognition.make_part(
      config(**sizes, speed_change=0), whole, learns=True
    )
    self.assertNotEqual(
      *(len(np.concatenate(x.steps)) for x in (learnt, plain))
    )
    for a, b in zip(unchanged.steps, measured.steps, strict=False):
      np.testing.assert_array_equal(a, b)

  def test_alone_nothing_is_measured_twice(self):
    whole = tones.tones(num_speakers=1, num_takes=2)
    found = recognition.make_part(config(min_joined=1, max_joined=1), whole)
    self.assertCountEqual(found.texts, whole.texts)


class BatchesTest(parameterized.TestCase):
  def make(self, settings, *texts):
    with contextlib.redirect_stdout(io.StringIO()) as out:
      batches, plan = recognition.make_batches(
        config(**settings), SYMBOLS, part(*texts)
      )
    return batches, plan, out.getvalue()

  @parameterized.parameters(
    ('words', [[1, 2], [2, 0]]), ('characters', [[1, 3, 2], [2, 0, 0]])
  )
  def test_texts_are_written_in_units(self, unit, expected):
    batches, _, out = self.make({'unit': unit, 'batch_size': 4}, 'a b', 'b')
    batch = batches(0)
    rows = batch.inputs[0, :, 0].argsort()
    np.testing.assert_array_equal(batch.targets.T[rows], expected)
    self.assertEqual(out, '')

  def test_what_cannot_be_written_is_left_out_and_counted(self):
    _, plan, out = self.make({}, 'a b', 'a a a a', 'b ' * 7)
    self.assertLen(plan.lengths, 1)
    self.assertIn('more words than steps of 30 ms: 2 of 3 utterances', out)
    with self.assertRaisesRegex(errors.UserError, 'got none'):
      self.make({}, 'a a a a')

  def test_the_unknown_symbol_is_not_written(self):
    batches, *_ = self.make({}, 'a \ufffd b')
    np.testing.assert_array_equal(batches(0).targets[:, 0], [1, 2])


class Model:
  """Says what it reads."""

  def apply(self, params, inputs, mask):
    return params * inputs[..., :4]


class WriterTest(parameterized.TestCase):
  @parameterized.parameters(('words', 'a b b'), ('characters', 'abb'))
  def test_texts_come_in_the_order_of_the_sounds(self, unit, expected):
    path = np.array([1, 1, 0, 2, 0, 2, 2])
    sequences = [np.eye(4, 60, dtype=np.float32)[path[:n]] for n in (7, 1, 4)]
    for beam_size in (1, 4):
      write = recognition.make_writer(
        config(unit=unit, beam_size=beam_size, eval_batch_size=2),
        Model(),
        SYMBOLS,
      )
      found = write(jnp.float32(50), sequences)
      between = ' ' if unit == 'words' else ''
      self.assertEqual(found, [expected, 'a', f'a{between}b'])

  @parameterized.parameters(1, 4)
  def test_no_text_comes_of_what_is_no_number(self, beam_size):
    write = recognition.make_writer(
      config(beam_size=beam_size), Model(), SYMBOLS
    )
    with self.assertRaisesRegex(errors.UserError, 'parameters .* not finite'):
      write(jnp.float32(np.nan), part('a', 'b').steps)

  def test_errors_are_of_words_and_of_characters(self):
    found = recognition.measure(
      lambda params, steps: ['one two', ''],
      None,
      {'test': recognition.Part([None] * 2, ['one too', 'six'])},
    )
    self.assertEqual(
      found,
      {'test/word_error_rate': 2 / 3, 'test/character_error_rate': 4 / 10},
    )

  def test_the_first_texts_are_shown_beside_what_is_right(self):
    with contextlib.redirect_stdout(io.StringIO()) as out:
      recognition.show(
        lambda params, steps: ['a b', '', 'b'][: len(steps)],
        None,
        part('a', 'b', 'b', 'a'),
      )
    self.assertEqual(
      out.getvalue(),
      'a b (right: a)\n(nothing) (right: b)\nb (right: b)\n',
    )


if __name__ == '__main__':
  absltest.main()
