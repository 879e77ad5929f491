package listen

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/listen/ownca"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// maxNames is how many of this machine's addresses a certificate has at most.
const maxNames = 100

// checkNames refuses names that no certificate can have.
func (l *Flags) checkNames() error {
	if len(l.names) > 0 && l.newDir == "" {
		return &cli.UsageError{
			Message: "--tls-name is for the certificate that --tls-new makes",
			Advice:  "add --tls-new DIR, or leave out --tls-name",
		}
	}
	dnsName := regexp.MustCompile(`^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)
	for i, name := range l.names {
		l.names[i] = normalName(name)
		if net.ParseIP(l.names[i]) == nil && (len(name) > 253 || !dnsName.MatchString(l.names[i])) {
			return &cli.UsageError{
				Message: fmt.Sprintf("--tls-name %q is neither a host's name nor an IP address", name),
				Advice:  "give a name as clients write it, without a port, such as registry.example.com",
			}
		}
	}
	return nil
}

// normalName returns a host's name or an address as certificates have it.
func normalName(name string) string {
	name = strings.TrimSpace(name)
	if ip := net.ParseIP(strings.Trim(name, "[]")); ip != nil {
		return ip.String()
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// certificateNames returns all names by which clients may call the server: those of --tls-name, the
// one that it listens on, this machine's, and those of loopback.
func (l *Flags) certificateNames() []string {
	host, _, _ := net.SplitHostPort(l.target())
	names := append(slices.Clone(l.names), "localhost", "127.0.0.1", "::1")
	if hostname, err := os.Hostname(); err == nil {
		names = append(names, normalName(hostname))
	}
	if host != "" && !l.isUnspecified() {
		names = append(names, normalName(host), l.addr.IP.String())
	}
	if l.isUnspecified() {
		names = append(names, machineAddresses()...)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" || strings.Contains(name, "%") })
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

func (l *Flags) isUnspecified() bool { return len(l.addr.IP) == 0 || l.addr.IP.IsUnspecified() }

// machineAddresses returns the addresses of this machine that others may know it by.
func machineAddresses() (addresses []string) {
	all, _ := net.InterfaceAddrs() // without them --tls-name helps
	for _, a := range all {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && len(addresses) < maxNames {
			addresses = append(addresses, network.IP.String())
		}
	}
	return addresses
}

// makeCertificate makes the certificate of --tls-new, unless the folder has it, and has it used.
func (l *Flags) makeCertificate() error {
	if l.newDir == "" {
		return nil
	}
	made, err := ownca.Ensure(l.newDir, l.certificateNames())
	if err != nil {
		return err
	}
	l.made = &made
	cert, key := filepath.Join(l.newDir, ownca.CertFile), filepath.Join(l.newDir, ownca.KeyFile)
	if err := l.useCertificate(cert, key); err != nil {
		return err
	}
	l.certificate.renew = func() error {
		_, err := ownca.Ensure(l.newDir, l.certificateNames())
		return err
	}
	return nil
}

// ExplainCA says what the certificate of --tls-new is good for, and where clients need the CA.
func (l *Flags) ExplainCA(r *run.Run, name string) {
	if l.made == nil {
		return
	}
	made, verb := l.made, "keeps"
	if made.NewCert {
		verb = "made"
	}
	const shown = 8
	names := made.Names()
	more := ""
	if len(names) > shown {
		more = fmt.Sprintf(" and %d more", len(names)-shown)
	}
	ca := filepath.Join(l.newDir, ownca.CAFile)
	r.Note("--tls-new %s a certificate for %s%s, valid until %s", verb,
		strings.Join(names[:min(shown, len(names))], ", "), more, made.Cert.NotAfter.Format(time.DateOnly))
	if time.Until(made.CA.NotAfter) < 3*ownca.RenewBefore {
		r.Note("warning: the CA in %s expires on %s; then clients need a new one", ca, made.CA.NotAfter.Format(time.DateOnly))
	}
	name = strings.TrimSuffix(name, ":443") // as references have it, by which the folder is found
	certsD := "certs.d/" + name + "/ca.crt"
	r.Note(`copy %s to the clients, as
  docker      /etc/docker/%s
  podman      /etc/containers/%s (skopeo and CRI-O too)
  containerd  /etc/containerd/%s, and beside it hosts.toml with
              [host."https://%s"]
                ca = "/etc/containerd/%s"
  system      /usr/local/share/ca-certificates/transship.crt, then update-ca-certificates (Debian, Ubuntu)
              /etc/pki/ca-trust/source/anchors/transship.crt, then update-ca-trust (Fedora, RHEL)`,
		ca, certsD, certsD, certsD, name, certsD)
}
