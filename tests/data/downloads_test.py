"""Tests for seqjax.data.downloads."""

import contextlib
import hashlib
import http.server
import io
import os
import socket
import threading
import time
from unittest import mock

import folder_case
from absl.testing import absltest

from seqjax import errors
from seqjax.data import downloads

CONTENT = bytes(range(256)) * 9
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def registered(url='http://nowhere.invalid/some/texts.bin'):
  return downloads.Registered(url, len(CONTENT), SHA256)


class DownloadsTest(folder_case.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.path = downloads.place(registered(), self.folder)

  def put(self, content):
    self.path.parent.mkdir(parents=True)
    self.path.write_bytes(content)

  def read(self, file):
    with downloads.opened(file, self.folder) as stream:
      return stream.read()

  def serve(self, handle):
    """The address of a server that answers every request by `handle`."""

    class Handler(http.server.BaseHTTPRequestHandler):
      do_GET = handle
      log_message = lambda *_: None

    self.enter_context(mock.patch.dict(os.environ, no_proxy='*'))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    self.enter_context(server)
    threading.Thread(
      target=server.serve_forever, args=(0.01,), daemon=True
    ).start()
    self.addCleanup(server.shutdown)
    return registered(f'http://127.0.0.1:{server.server_port}/texts.bin')

  def answer(self, content, num_bytes=None):
    def handle(request):
      request.send_response(200)
      request.send_header('Content-Length', num_bytes or len(content))
      request.end_headers()
      request.wfile.write(content)

    return self.serve(handle)

  def test_a_file_in_its_place_is_read_without_a_network(self):
    self.put(CONTENT)
    with mock.patch.object(socket, 'getaddrinfo', side_effect=AssertionError):
      self.assertEqual(self.read(registered()), CONTENT)

  def test_another_hash_is_a_sentence_with_both_and_nothing_is_read(self):
    self.put(CONTENT[:-1])
    wrong = hashlib.sha256(CONTENT[:-1]).hexdigest()
    with self.assertRaises(errors.UserError) as caught:
      self.read(registered())
    for part in (SHA256, wrong, str(self.path), '2,304 bytes', '2,303 bytes'):
      self.assertIn(part, str(caught.exception))

  def test_what_cannot_be_opened_is_a_sentence(self):
    self.path.mkdir(parents=True)
    with self.assertRaisesRegex(errors.UserError, 'cannot read .*directory'):
      self.read(registered())

  def test_it_is_downloaded_once(self):
    file = self.answer(CONTENT)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
      self.assertEqual(self.read(file), CONTENT)
      self.assertEqual(self.read(file), CONTENT)
    self.assertEqual(
      out.getvalue(),
      f'Downloading texts.bin, 2,304 bytes, from {file.url} to '
      f'{self.path.parent}\n',
    )
    self.assertEqual(os.listdir(self.path.parent), ['texts.bin'])

  def refused(self, file, error, words):
    with contextlib.redirect_stdout(io.StringIO()):
      with self.assertRaisesRegex(error, words):
        self.read(file)
    if self.path.parent.exists():
      self.assertEmpty(os.listdir(self.path.parent))

  def test_a_download_with_another_hash_leaves_nothing(self):
    wrong = CONTENT[::-1]
    self.refused(
      self.answer(wrong),
      errors.UserError,
      f'{SHA256} .* but http.* has {hashlib.sha256(wrong).hexdigest()}',
    )

  def test_a_download_that_is_too_long_is_cut_and_leaves_nothing(self):
    self.refused(self.answer(CONTENT * 2), errors.UserError, r'\(2,305 bytes\)')

  def test_a_download_that_breaks_off_leaves_nothing(self):
    self.refused(
      self.answer(CONTENT[:1000], len(CONTENT)),
      errors.TryAgain,
      'broke off after 1,000 of 2,304 bytes',
    )

  def test_a_broken_connection_leaves_nothing(self):
    file = self.answer(CONTENT)
    reset = mock.Mock(side_effect=ConnectionResetError('reset by peer'))
    with mock.patch.object(downloads.http.client.HTTPResponse, 'read', reset):
      self.refused(file, errors.TryAgain, r'broke off \(reset by peer\)')

  def test_an_interruption_leaves_nothing(self):
    file = self.answer(CONTENT)
    stop = mock.Mock(side_effect=KeyboardInterrupt)
    with mock.patch.object(downloads.os, 'fsync', stop):
      self.refused(file, KeyboardInterrupt, '')

  def test_without_a_network_one_sentence_says_all(self):
    gone = socket.gaierror(-2, 'Name not known')
    with mock.patch.object(socket, 'getaddrinfo', side_effect=gone):
      with self.assertRaises(errors.UserError) as caught:
        self.read(registered())
    self.assertEqual(
      str(caught.exception),
      f'texts.bin is not in {self.path.parent} and '
      'http://nowhere.invalid/some/texts.bin cannot be reached ([Errno -2] '
      'Name not known): fetch it from there where there is a network, 2,304 '
      f'bytes with sha256 {SHA256}, and place it as {self.path}.',
    )
    self.assertEmpty(os.listdir(self.folder))

  def test_an_answer_that_never_comes_is_not_waited_for(self):
    silence = threading.Event()
    self.addCleanup(silence.set)

    def never(*_, **__):
      silence.wait()
      raise socket.gaierror

    self.enter_context(mock.patch.object(socket, 'getaddrinfo', never))
    self.enter_context(mock.patch.object(downloads, '_ANSWER_S', 0.1))
    start = time.monotonic()
    self.refused(registered(), errors.UserError, 'no answer within 0.1 seconds')
    self.assertLess(time.monotonic() - start, 5)

  def test_an_address_that_is_gone_is_a_sentence(self):
    def handle(request):
      request.send_error(404)

    self.refused(
      self.serve(handle), errors.UserError, r'cannot be reached \(Not Found\)'
    )


if __name__ == '__main__':
  absltest.main()
