"""What an ear hears of a sound: how loud each band of frequencies is, when."""

import numpy as np

from seqjax import errors

# Milliseconds.
WINDOW, STEP = 25, 10


def log_mel(samples: np.ndarray, rate: int, num_mels: int = 40) -> np.ndarray:
  """The logarithm of the power in each of D bands, every 10 ms.

  Windows of 25 ms stand around their moments: as many frames as there are
  steps in the sound. The bands are equally wide on the mel scale, from 20 Hz to
  half the rate.

  Args:
    samples: [n] float32, of -1 to 1.
    rate: in a second, Hz.
    num_mels: D.

  Returns:
    [T, D] float32, T = n / (rate / 100) rounded.

  Raises:
    UserError: there are more bands than a window tells apart.

  Source: the features of Kaldi, Povey et al. (2011), ASRU; without the noise
    that it adds.

  >>> beep = np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000)
  >>> frames = log_mel(beep.astype(np.float32), rate=8000, num_mels=20)
  >>> frames.shape, frames.mean(axis=0).argmax().item()
  ((100, 20), 4)
  """
  import kaldi_native_fbank

  options = kaldi_native_fbank.FbankOptions()
  options.frame_opts.samp_freq = rate
  options.frame_opts.frame_length_ms = WINDOW
  options.frame_opts.frame_shift_ms = STEP
  options.frame_opts.dither = 0
  options.frame_opts.snip_edges = False
  options.mel_opts.num_bins = num_mels
  try:
    bank = kaldi_native_fbank.OnlineFbank(options)
    # Kaldi reads 16 bits; its floor under the power is made for them.
    bank.accept_waveform(rate, samples * 2**15)
  except ValueError as error:
    raise errors.UserError(
      f'{num_mels} bands are too many for windows of {WINDOW} ms at {rate:,} '
      'Hz: use fewer.'
    ) from error
  bank.input_finished()
  frames = [bank.get_frame(t) for t in range(bank.num_frames_ready)]
  return np.array(frames, np.float32).reshape(-1, num_mels)


def normalised(frames: np.ndarray) -> np.ndarray:
  """Frames [T, D] with mean 0 and standard deviation 1 in each band.

  Over the sound itself: so neither how loud it is nor the colour of a
  microphone or a voice is left.
  """
  centred = frames - frames.mean(axis=0)
  # In a band that never changes there is nothing to scale.
  return centred / np.maximum(centred.std(axis=0), 1e-3)


def stacked(frames: np.ndarray, size: int) -> np.ndarray:
  """Some frames side by side as one step: [T, D] as [ceil(T / size), size D].

  What is missing in the last is zero.

  >>> stacked(np.arange(6.0).reshape(3, 2) + 1, 2)
  array([[1., 2., 3., 4.],
         [5., 6., 0., 0.]])
  """
  num_frames, width = frames.shape
  steps = -(-num_frames // size)
  padded = np.zeros((steps * size, width), frames.dtype)
  padded[:num_frames] = frames
  return padded.reshape(steps, size * width)


def steps(
  samples: np.ndarray, rate: int, num_mels: int, frames_per_step: int
) -> np.ndarray:
  """What a network reads of a sound: `stacked` and `normalised` `log_mel`.

  Args:
    samples: [n] float32.
    rate: Hz.
    num_mels: bands.
    frames_per_step: 10 ms each.

  Returns:
    [T, frames_per_step num_mels] float32.
  """
  frames = normalised(log_mel(samples, rate, num_mels))
  return stacked(frames, frames_per_step)
