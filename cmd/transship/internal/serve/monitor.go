package serve

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/metrics"
)

// The paths of a [monitor]. No path of a registry is one of them: those begin with /v2/.
const (
	healthPath  = "/healthz"
	metricsPath = "/metrics"
)

// monitor counts the requests of a handler, for Prometheus.
type monitor struct {
	began          time.Time
	inProgress     atomic.Int64
	received, sent atomic.Int64 // bytes of bodies

	mu       sync.Mutex
	requests map[requestKind]int
}

// requestKind is what requests are counted by.
type requestKind struct {
	method string
	status int
}

func newMonitor() *monitor {
	return &monitor{began: time.Now(), requests: map[requestKind]int{}}
}

// count returns a handler that counts the requests to next. It answers /healthz itself,
// without a password: the answer says nothing about the images.
func (m *monitor) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == healthPath && isRead(r) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			_, _ = io.WriteString(w, "ok\n")
			return
		}
		response, body := &countedResponse{ResponseWriter: w}, &countedBody{ReadCloser: r.Body}
		r.Body = body
		m.inProgress.Add(1)
		defer func() {
			m.inProgress.Add(-1)
			m.received.Add(body.n)
			m.sent.Add(response.n)
			m.add(r.Method, cmp.Or(response.status, http.StatusOK))
		}()
		next.ServeHTTP(response, r)
	})
}

// add counts a request. Methods that the API does not have are one kind, as there may be any number.
func (m *monitor) add(method string, status int) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		method = "other"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[requestKind{method, status}]++
}

// page returns a handler that shows the counts at /metrics. All other paths are next's.
func (m *monitor) page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != metricsPath || !isRead(r) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", metrics.ContentType)
		w.Header().Set("Cache-Control", "no-store")
		_ = metrics.Write(w, m.families()) // the client has closed the connection
	})
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// families returns the metrics.
func (m *monitor) families() []metrics.Family {
	one := func(name, help, kind string, v float64) metrics.Family {
		return metrics.Family{Name: name, Help: help, Type: kind, Samples: []metrics.Sample{{Value: v}}}
	}
	return []metrics.Family{
		{
			Name: "transship_serve_requests_total", Help: "Requests by method and status, once they are answered.",
			Type: metrics.Counter, Samples: m.requestSamples(),
		},
		one("transship_serve_requests_in_progress", "Requests that are being answered.", metrics.Gauge, float64(m.inProgress.Load())),
		one("transship_serve_received_bytes_total", "Bytes of the bodies of requests.", metrics.Counter, float64(m.received.Load())),
		one("transship_serve_sent_bytes_total", "Bytes of the bodies of responses.", metrics.Counter, float64(m.sent.Load())),
		one("transship_serve_start_timestamp_seconds", "When the server started.", metrics.Gauge, float64(m.began.Unix())),
	}
}

// requestSamples returns the counts of requests, sorted.
func (m *monitor) requestSamples() []metrics.Sample {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kinds []requestKind
	for kind := range m.requests {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b requestKind) int {
		return cmp.Or(cmp.Compare(a.method, b.method), cmp.Compare(a.status, b.status))
	})
	var out []metrics.Sample
	for _, kind := range kinds {
		out = append(out, metrics.Sample{
			Labels: []string{"method", kind.method, "code", strconv.Itoa(kind.status)}, Value: float64(m.requests[kind]),
		})
	}
	return out
}
