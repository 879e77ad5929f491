package distribution

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/wire"
)

// Each option reaches the layer that it is for, and the layers stand in the order of package wire's
// comment.
func TestChainOptions(t *testing.T) {
	congestion := &wire.Congestion{}
	rules := &wire.PolicyRules{}
	for name, test := range map[string]struct {
		options    Options
		insecure   string
		congestion *wire.Congestion
	}{
		"all": {Options{
			Registry: "r.example", TLS: wire.TLSOptions{CAFile: "ca"}, CertsDirs: []string{"certs"}, InsecureHTTP: true,
			HTTP1: true, HTTP2: true, Buffer: 1, Stall: time.Second, Attempts: 3, Unanswered: 2, MaxWait: time.Minute,
			Congestion: congestion, UserAgent: "a", Rules: rules,
		}, "r.example", congestion},
		"unlimited": {Options{Registry: "r.example", Congestion: congestion, Unlimited: true}, "", nil},
	} {
		o := test.options
		retry := o.chain().(*auth.Transport).Base.(*wire.Retry)
		limit := retry.Base.(*wire.Limiter)
		loopback := limit.Base.(*wire.Loopback)
		headers := loopback.Base.(*wire.Headers)
		policy := headers.Base.(*wire.Policy)
		timeout := policy.Base.(*wire.Timeout)
		hosts := timeout.Base.(*wire.Transport)
		got := Options{
			Registry: hosts.Registry, TLS: hosts.TLS, CertsDirs: hosts.CertsDirs, InsecureHTTP: o.InsecureHTTP,
			HTTP1: hosts.HTTP1, HTTP2: hosts.HTTP2, Buffer: hosts.SendBuffer, Stall: timeout.Stall,
			Attempts: retry.Attempts, Unanswered: retry.Unanswered, MaxWait: retry.MaxWait,
			Congestion: o.Congestion, Unlimited: o.Unlimited, UserAgent: headers.UserAgent,
		}
		o.Rules = nil
		if diff := cmp.Diff(o, got, cmp.Comparer(func(a, b *wire.Congestion) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if loopback.Insecure != test.insecure || limit.Congestion != test.congestion ||
			policy.Rules != test.options.Rules || timeout.Header != o.Stall {
			t.Errorf("%s: %+v, %+v, %+v, %+v", name, loopback, limit, policy, timeout)
		}
	}
	if o := (Options{}); o.congestion() == nil {
		t.Error("the zero Options do not limit calls")
	}
}
