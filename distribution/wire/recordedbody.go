package wire

import "io"

// sentBody counts and hashes what the transport reads of a request's body.
type sentBody struct {
	io.ReadCloser
	call   *pendingCall
	digest *digester // nil if the body gets no digest
}

// Read notes the digest at the body's end.
func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.call.sent.Add(int64(n))
	if b.digest.write(p[:n], err) {
		digest := b.digest.sum()
		b.call.update(func() { b.call.call.SentDigest = digest })
	}
	return n, err
}

// receivedBody counts and hashes what is read of a response's body, and ends the call with it.
type receivedBody struct {
	io.ReadCloser
	call   *pendingCall
	digest *digester // nil if the body gets no digest, or is a blob
}

// Read ends the call at any error. At io.EOF the body is complete.
func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.call.received.Add(int64(n))
	if b.digest.write(p[:n], err) {
		digest := b.digest.sum()
		b.call.update(func() { b.call.call.ReceivedDigest = digest })
	}
	switch err {
	case nil:
	case io.EOF:
		b.call.update(func() { b.call.complete = true })
		b.call.end(nil)
	default:
		b.call.end(err)
	}
	return n, err
}

// Close ends the call, unless a Read has done so.
func (b *receivedBody) Close() error {
	err := b.ReadCloser.Close()
	b.call.end(nil)
	return err
}
