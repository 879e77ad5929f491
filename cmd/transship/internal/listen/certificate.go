package listen

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/listen/ownca"
	"github.com/hczjl/transship/distribution/wire"
)

// certificate is a TLS certificate and its key in two files. It reads them again when they change,
// as tools that renew certificates rely on. Its methods may be called concurrently.
type certificate struct {
	host, certFile, keyFile string
	onError                 func(error)  // gets the error of changed files that are not valid; may be nil
	renew                   func() error // replaces the files of a certificate that ends soon; may be nil

	mu    sync.Mutex
	infos [2]fs.FileInfo // of the last load
	pair  *tls.Certificate
	tried time.Time // when renew was called last
}

// openCertificate loads the files. The error is a *[wire.CertificateError].
func openCertificate(host, certFile, keyFile string) (*certificate, error) {
	c := &certificate{host: host, certFile: certFile, keyFile: keyFile}
	c.infos = c.stat()
	pair, err := wire.LoadKeyPair(host, certFile, keyFile)
	c.pair = &pair
	return c, err
}

// notValidNow says why clients refuse the certificate at this time, "" if its times are no reason.
func (c *certificate) notValidNow() string {
	switch leaf := c.pair.Leaf; {
	case leaf == nil:
		return ""
	case time.Now().Before(leaf.NotBefore):
		return fmt.Sprintf("the certificate in %s is not valid until %s", c.certFile, leaf.NotBefore.UTC().Format(time.DateTime))
	case time.Now().After(leaf.NotAfter):
		return fmt.Sprintf("the certificate in %s has expired on %s", c.certFile, leaf.NotAfter.UTC().Format(time.DateTime))
	}
	return ""
}

// stat returns what the files are now; nil for one that cannot be seen.
func (c *certificate) stat() (infos [2]fs.FileInfo) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			infos[i] = info
		}
	}
	return infos
}

// get is [tls.Config]'s GetCertificate. While changed files are not valid, such as between the
// writes of the certificate and of its key, it returns the last valid pair.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewInTime()
	infos := c.stat()
	if sameVersion(c.infos[0], infos[0]) && sameVersion(c.infos[1], infos[1]) {
		return c.pair, nil
	}
	c.infos = infos
	pair, err := wire.LoadKeyPair(c.host, c.certFile, c.keyFile)
	if err == nil {
		c.pair = &pair
	} else if c.onError != nil {
		c.onError(err)
	}
	return c.pair, nil
}

// renewInTime renews a certificate that ends soon. After a failure it waits for an hour.
func (c *certificate) renewInTime() {
	if c.renew == nil || !ownca.EndsSoon(c.pair) || time.Since(c.tried) < time.Hour {
		return
	}
	c.tried = time.Now()
	if err := c.renew(); err != nil && c.onError != nil {
		c.onError(err)
	}
}

// sameVersion reports whether a file is unchanged. What is no regular file, such as a pipe, can be
// read only once, and counts as unchanged.
func sameVersion(before, now fs.FileInfo) bool {
	if before == nil || now == nil {
		return before == nil && now == nil
	}
	return !now.Mode().IsRegular() || os.SameFile(before, now) &&
		before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}
