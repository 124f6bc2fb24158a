"""How an experiment reads sequences and writes others."""

import dataclasses
import functools

import jax
import numpy as np
import writers
from absl.testing import absltest, parameterized

from seqjax import errors, models
from seqjax.experiment import decoding, writing


@dataclasses.dataclass(frozen=True)
class Config(writing.Config):
  hidden_size: int = 6
  embedding_size: int = 4
  max_written: int = 7


# The words of the drawn network are few: what comes out differs by the source.
SOURCES = [
  np.random.RandomState([7, n]).randint(1, writers.VX, n % 11).astype(np.int32)
  for n in range(23)
]


@functools.cache
def writer(**settings):
  return writing.make_writer(Config(**settings), writers.make())


def write(sources=SOURCES, **settings):
  params = writers.params_of(writers.make())
  return writer(**settings)(params, sources)


class ModelTest(parameterized.TestCase):
  def test_it_is_as_the_config_says(self):
    config = Config(attention='additive', tied=True, num_layers=2)
    model = writing.make_model(config, 9, 7)
    self.assertEqual(model.vocab_size, 9)
    self.assertEqual(model.decoder.vocab_size, 8)
    self.assertEqual(model.decoder.attention, 'additive')
    self.assertTrue(model.decoder.tied and model.encoder.bidirectional)
    self.assertFalse(model.decoder.recurrent.bidirectional)
    self.assertEqual(model.decoder.recurrent.hidden_sizes, (6, 6))

  def test_dot_compares_what_is_as_wide(self):
    words = '--attention=general, or --bidirectional=false'
    with self.assertRaisesRegex(errors.UserError, words):
      Config(attention='dot')
    config = Config(attention='dot', bidirectional=False)
    task = writing.make_task(config, writing.make_model(config, 9, 9))
    task.init(jax.random.key(0), writers.batch_of())

  def test_a_teacher_who_leaves_changes_the_loss(self):
    model, batch = writers.make(), writers.batch_of()
    params = writers.params_of(model)
    always, never = (
      writing.make_task(Config(**settings), model).loss(
        params, (), batch, jax.random.key(0), {'step': np.int32(5)}
      )[0]
      for settings in ({}, {'teacher': 'constant', 'teacher_k': 0.0})
    )
    self.assertNotAlmostEqual(float(always), float(never), 3)

  def test_lasting_noise_step_by_step_is_refused_before_it_trains(self):
    for settings in (
      {'input_feeding': True, 'zoneout_h_rate': 0.1},
      {'teacher': 'constant', 'variational': True},
    ):
      with self.assertRaisesRegex(errors.UserError, 'come one by one'):
        writing.make_task(Config(**settings), writers.make())

  def test_a_teacher_who_cannot_be(self):
    config = Config(teacher='exponential', teacher_k=2.0)
    with self.assertRaisesRegex(errors.UserError, 'above 0 and below 1'):
      writing.make_task(config, writers.make())


class WriterTest(parameterized.TestCase):
  def test_it_writes_what_the_model_finds_likeliest(self):
    model, found = writers.make(), write()
    params = writers.params_of(model)
    begin = models.encoder_decoder.begin(model)
    step = jax.jit(models.decoder.step(model))
    for source, hypotheses in zip(SOURCES[5:8], found[5:8], strict=True):
      memory, carry = begin(
        params, source[:, None], np.ones((len(source), 1), bool)
      )
      token, said, log_prob = writers.END, [], 0.0
      while len(said) < 7 and (not said or token != writers.END):
        carry, logits = step((params, memory), carry, np.array([token]))
        p = np.array(jax.nn.log_softmax(logits[0]))
        token = int(1 + np.argmax(p[1:]))  # 0, the unknown one, is not said.
        said.append(token)
        log_prob += p[token]
      (best,) = hypotheses
      ended = said[-1] == writers.END
      self.assertEqual(best.tokens.tolist(), said[:-1] if ended else said)
      self.assertEqual(best.ended, ended)
      np.testing.assert_allclose(best.log_prob, log_prob, rtol=1e-4)
    self.assertGreater(len({str(x[0].tokens) for x in found}), 2)

  @parameterized.parameters(1, 7, 64)
  def test_the_batch_size_changes_nothing(self, size):
    for beam_size in (1, 3):
      few = write(beam_size=beam_size, eval_batch_size=size)
      many = write(beam_size=beam_size)
      for a, b in zip(few, many, strict=True):
        self.assertEqual(
          [x.tokens.tolist() for x in a], [x.tokens.tolist() for x in b]
        )
        np.testing.assert_allclose(
          [x.log_prob for x in a], [x.log_prob for x in b], rtol=1e-4
        )

  def test_a_beam_offers_its_best_first(self):
    greedy, beam = write(), write(beam_size=3)
    self.assertEqual({len(x) for x in greedy}, {1})
    for hypotheses in beam:
      self.assertLessEqual(len(hypotheses), 3)
      scores = [(x.ended, x.score) for x in hypotheses]
      self.assertEqual(scores, sorted(scores, reverse=True))
      texts = {str(x.tokens) for x in hypotheses}
      self.assertLen(texts, len(hypotheses))

  def test_a_longer_source_is_read_as_far_as_it_may(self):
    long = [np.tile(SOURCES[9], 3), SOURCES[9]]
    (a,), (b,) = write(long, max_length=len(SOURCES[9]))
    np.testing.assert_array_equal(a.tokens, b.tokens)

  def test_nothing_asked_is_nothing_written(self):
    self.assertEqual(write([]), [])

  def test_limits_are_kept(self):
    for hypotheses in write(min_written=3, no_repeat_ngram=1, max_written=5):
      tokens = hypotheses[0].tokens.tolist()
      self.assertBetween(len(tokens), 3, 5)
      self.assertLen(set(tokens), len(tokens))


class BatchesTest(absltest.TestCase):
  def test_pairs_that_are_too_long_are_found(self):
    places = writing.short(
      Config(max_length=3), writers.SOURCES, writers.TARGETS
    )
    self.assertEqual(places.tolist(), [0, 3])

  def test_the_parts_are_measured_whole_whatever_the_batch(self):
    model = writers.make()
    parts = {'valid': (writers.SOURCES, writers.TARGETS)}
    small, large = (
      writing.make_evaluate(
        Config(eval_batch_size=size),
        models.encoder_decoder.task(model),
        parts,
        writers.END,
      )(writers.params_of(model), ('valid',))
      for size in (1, 64)
    )
    batch, params = writers.batch_of(), writers.params_of(model)
    nats = writers.nats_by_hand(model, params, batch).real / batch.mask.sum()
    for found in (small, large):
      self.assertAlmostEqual(found['valid/nats_per_token'], nats, 4)

  def test_where_it_looked_is_cut_to_what_there_was(self):
    model = writers.make()
    attend = writing.make_attention(Config(), model)
    found = attend(writers.params_of(model), writers.SOURCES, writers.TARGETS)
    _, expected = writers.by_hand(
      model, writers.params_of(model), writers.batch_of()
    )
    for b, weights in enumerate(found):
      shape = len(writers.TARGETS[b]) + 1, len(writers.SOURCES[b])
      self.assertEqual(weights.shape, shape)
      np.testing.assert_allclose(
        weights, expected[: shape[0], b, : shape[1]].real, rtol=1e-4, atol=1e-6
      )


class HypothesesTest(absltest.TestCase):
  def test_a_network_without_numbers_is_a_sentence(self):
    params = writers.params_of(writers.make())
    broken = jax.tree.map(lambda x: np.full_like(x, np.nan), params)
    for beam_size in (1, 3):
      with self.assertRaisesRegex(errors.UserError, 'are not finite'):
        writer(beam_size=beam_size)(broken, SOURCES[:3])

  def test_what_cannot_be_found_is_not_asked_for(self):
    for settings, words in (
      ({'n_best': 2}, '--n_best=2: expected at most --beam_size=1'),
      ({'min_written': 8}, '--min_written=8: expected at most --max_written=7'),
    ):
      with self.assertRaisesRegex(errors.UserError, words):
        Config(**settings)

  def test_slots_without_a_text_are_left_out(self):
    # Two symbols, of which one is the unknown one: nothing but the end is left.
    step = lambda params, carry, token: (carry, np.zeros((len(token), 2)))
    search = decoding.make_search(Config(beam_size=4), step, end=1)
    (found,) = search((), (), np.zeros((1, 3)))
    self.assertLen(found, 1)
    self.assertEqual(found[0].tokens.tolist(), [])
    self.assertTrue(found[0].ended)


if __name__ == '__main__':
  absltest.main()
