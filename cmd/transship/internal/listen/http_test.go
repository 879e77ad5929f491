package listen

import (
	"net/http"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// A client that sends or takes nothing of a body for two minutes is dropped, and one that sends no
// header sooner. registry.BodyTimeout's own tests show how.
func TestServerDropsIdleClients(t *testing.T) {
	s := new(Listener).newServer(nil, http.NotFoundHandler())
	limited, ok := s.Handler.(*registry.BodyTimeout)
	if !ok || limited.Idle != bodyIdle || s.ReadHeaderTimeout <= 0 || s.IdleTimeout <= 0 {
		t.Errorf("the server is %+v with handler %+v", s, s.Handler)
	}
}
